// Reading the text off a picture: in a module and a part of the pack that nothing fetches before it is needed.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { blank, launch, manifest, picture, root, serve } from './harness.js';

const memes = join(root, 'tests/goldens/ocr');
const meme = readFileSync(join(memes, 'outlined-00.jpg'));
const words = JSON.parse(readFileSync(join(memes, 'captions.json')))[0].lines.join(' ');
const pack = join(root, 'weights/default');
/** What is fetched for reading alone. */
const extra = ({ path }) => path.includes('ocr');

let browser;
let site;
before(async () => {
  browser = await launch();
  site = await serve(pack);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

test('a verdict on a picture without text is the one with the text that is on it', async () => {
  const { page, open, run } = await blank(browser, site.origin);
  await open('/weights/', { device: 'cpu' });

  const typed = await run(meme, { text: words });
  const silent = await run(meme, { text: '' });
  assert.deepEqual(site.requests.filter(extra), []);
  assert.equal(typed.verdict.text, words);
  assert.equal(typed.verdict.reading, undefined);
  assert.notDeepEqual(typed.verdict.tasks, silent.verdict.tasks);

  const read = await run(meme);
  assert.deepEqual(read.verdict.tasks, typed.verdict.tasks);
  assert.equal(read.verdict.text, words);
  assert.equal(read.verdict.reading.text, words);
  assert.ok(read.verdict.timings.read > 0);
  assert.ok(read.progress.some(({ component }) => component === 'ocr'));
  const fetched = site.requests.filter(extra).map(({ path }) => path);
  assert.equal(fetched.length, 4, fetched.join());

  await run(meme);
  assert.equal(site.requests.filter(extra).length, 4);
  await page.close();
});

test('the lines are where they are, and again after a restart', async () => {
  const { page, open } = await blank(browser, site.origin);
  await open('/weights/', { device: 'cpu' });
  const reading = await page.evaluate((image) => {
    const blob = new Blob([Uint8Array.from(atob(image), (c) => c.charCodeAt(0))]);
    return clf.read(blob);
  }, meme.toString('base64'));
  assert.equal(reading.text, words);
  for (const { box, confidence } of reading.lines) {
    assert.ok(confidence > 0.9 && confidence <= 1);
    const [[left, top], [right], [, bottom]] = box;
    assert.ok(left < right && top < bottom, JSON.stringify(box));
  }
  const tops = reading.lines.map(({ box }) => box[0][1]);
  assert.deepEqual(tops, tops.toSorted((a, b) => a - b));
  await page.close();
});

test('a pack that cannot read says so', async () => {
  const old = join(root, 'target/tmp/browser/without-ocr');
  cpSync(pack, old, { recursive: true });
  const { components, ...rest } = manifest(old);
  delete components.ocr;
  writeFileSync(join(old, 'manifest.json'), JSON.stringify({ ...rest, components }));
  const other = await serve(old);
  const { page, open, run } = await blank(browser, other.origin);
  await open('/weights/', { device: 'cpu' });

  const silent = await run(meme, { text: '' });
  const { verdict } = await run(meme);
  assert.deepEqual(verdict.tasks, silent.verdict.tasks);
  assert.equal(verdict.text, '');
  const codes = ({ verdict }) => verdict.notices.map(({ code }) => code);
  assert.match(verdict.notice, /cannot read/);
  assert.deepEqual(codes({ verdict }), ['cannot-read', 'no-words']);
  assert.deepEqual(codes(silent), ['no-words']);
  // Words may be there: it is not skipped.
  const { verdict: judged } = await run(meme, { noWords: 'skip' });
  assert.deepEqual(judged.tasks, silent.verdict.tasks);

  const code = await page.evaluate(() => clf.read(new ImageData(8, 8)).catch(({ code }) => code));
  assert.equal(code, 'pack/missing-component');
  await page.close();
  other.stop();
});

test('an image without words is judged with a notice, or skipped before an encoder is fetched', async () => {
  const { page, open, run } = await blank(browser, site.origin);
  await open('/weights/', { device: 'cpu' });
  const before = site.requests.length;
  const { verdict: skipped } = await run(picture('landscape.png'), { noWords: 'skip' });
  const { components } = manifest(pack);
  const towers = [...components.vision.shards, ...components.text.shards].map(({ file }) => `/weights/${file}`);
  assert.ok(towers.length > 0);
  assert.deepEqual(site.requests.slice(before).filter(({ path }) => towers.includes(path)), []);
  assert.deepEqual([skipped.tasks, skipped.text], [{}, '']);
  const codes = ({ notices }) => notices.map(({ code }) => code).filter((code) => code !== 'lines-unsure');
  assert.deepEqual(codes(skipped), ['no-words']);
  assert.match(skipped.notice, /There are no words: the image was not judged\.$/);
  assert.deepEqual(skipped.reading.lines, []);

  const { verdict: judged } = await run(picture('landscape.png'));
  assert.deepEqual(codes(judged), ['no-words']);
  assert.match(judged.notice, /on the image alone/);
  const { verdict: silent } = await run(picture('landscape.png'), { text: '' });
  assert.deepEqual(judged.tasks, silent.tasks);
  const { verdict: given } = await run(picture('landscape.png'), { text: ' ', noWords: 'skip' });
  assert.deepEqual(given.tasks, {});
  const { verdict: worded } = await run(meme, { noWords: 'skip' });
  assert.deepEqual([worded.text, codes(worded)], [words, ['outside-training']]);
  assert.ok(worded.tasks.hate);
  assert.equal((await run(meme, { noWords: 'ignore' })).error.code, 'argument');
  await page.close();
});

test('a module that is missing is an error, and is asked for again', async () => {
  const other = await serve(pack);
  other.scripts['/memeclip/pkg/ocr.js'] = null;
  const { page, open, run } = await blank(browser, other.origin);
  await open('/weights/', { device: 'cpu' });
  const { error } = await run(meme);
  assert.equal(error.code, 'network');
  assert.match(error.message, /pkg\/ocr\.js/);
  assert.ok((await run(meme, { text: words })).verdict);
  delete other.scripts['/memeclip/pkg/ocr.js'];
  assert.equal((await run(meme)).verdict.text, words);
  await page.close();
  other.stop();
});
