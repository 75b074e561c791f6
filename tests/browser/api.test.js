// What a page asks besides one verdict: several at once, what it will cost, and what an error says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { PACKAGE, blank, launch, manifest, pack, picture, root, scripts, serve } from './harness.js';

let browser, weights, site, context, page, open, run;
before(async () => {
  browser = await launch();
  weights = pack('tiny', 'q8');
  site = await serve(weights);
});
after(async () => {
  await browser?.close();
  site?.stop();
});
beforeEach(async () => {
  site.fault = () => false;
  site.requests.length = 0;
  context = await browser.newContext();
  ({ page, open, run } = await blank(browser, site.origin, context));
});
afterEach(() => context?.close());

/** Classifies a list of files: what each one got, or what all of it was rejected with. */
function classifyAll(files, options, { stop, dispose } = {}) {
  return page.evaluate(async ([files, options, stop, dispose]) => {
    const { MemeClipError } = await import('/memeclip/memeclip.js');
    const images = files.map((file) => Uint8Array.from(atob(file), (c) => c.charCodeAt(0)));
    const controller = new AbortController();
    const answers = clf.classify(images, { ...options, signal: controller.signal });
    if (stop) controller.abort();
    if (dispose) clf.dispose();
    const told = (answer) => (answer instanceof MemeClipError ? answer.code : answer.tasks.hate.logits);
    return answers.then((answers) => answers.map(told), (error) => ({ rejected: error.code }));
  }, [files.map((file) => file.toString('base64')), options, stop, dispose]);
}

test('a list is answered in its order, with the error of an image that has no verdict in its place', async () => {
  await open('/weights/', { device: 'cpu' });
  const [first, last] = [picture('exact.png'), picture('photo.jpg')];
  const alone = async (image, text) => (await run(image, { text })).verdict.tasks.hate.logits;
  const expected = [await alone(first, 'one'), 'image/not-an-image', await alone(last, 'two'), await alone(last)];
  const files = [first, Buffer.from('no picture'), last, last];
  const answers = await classifyAll(files, { text: ['one', 'lost', 'two', undefined] });
  assert.deepEqual(answers, expected);
  assert.notDeepEqual(answers[2], answers[3]);
  assert.deepEqual(await classifyAll([], {}), []);
});

test('a list is rejected if its texts do not fit, or if it is stopped', async () => {
  const files = [picture('exact.png'), picture('exact.png')];
  await open('/weights/', { device: 'cpu' });
  for (const text of ['one for all', ['one']]) assert.deepEqual(await classifyAll(files, { text }), { rejected: 'argument' });
  assert.deepEqual(await classifyAll(files, {}, { stop: true }), { rejected: 'aborted' });
  assert.deepEqual(await classifyAll(files, {}, { dispose: true }), { rejected: 'argument' });
});

test('a picture that is slow to come holds up no other', async () => {
  await open('/weights/', { device: 'cpu' });
  site.fault = (file) => file.endsWith('slow.png');
  const codes = await page.evaluate(async (quick) => {
    const stop = new AbortController();
    const slow = clf.classify('/weights/slow.png', { signal: stop.signal }).catch(({ code }) => code);
    const { tasks } = await clf.classify(quick);
    stop.abort();
    return [tasks.hate.label, await slow];
  }, `data:image/png;base64,${picture('exact.png').toString('base64')}`);
  assert.match(codes[0], /hate$/);
  assert.equal(codes[1], 'aborted');
});

test('what a verdict will fetch is known beforehand, without weights and without the program', async () => {
  const cost = () => page.evaluate(() => MemeClip.support({ weights: '/weights/manifest.json' }).then(({ load }) => load));
  const size = (file) => readFileSync(join(PACKAGE, 'pkg', file)).length;
  const before = await cost();
  assert.equal(page.workers().length, 0);
  assert.ok(site.requests.every(({ path }) => !path.endsWith('.safetensors')));
  assert.equal(before.cached, 0);
  assert.equal(before.code, size('relaxed.js') + size('relaxed_bg.wasm'));
  const { info } = await open('/weights', { device: 'cpu' });
  assert.equal(before.bytes, info.bytes);
  await run(picture('exact.png'), { tasks: ['hate'] });
  const { components } = manifest(weights);
  const fetched = ['vision', 'text', 'head/hate'].flatMap((name) => components[name].shards);
  const cached = fetched.reduce((sum, { bytes }) => sum + bytes, 0);
  // The image came without a text.
  assert.ok(before.reader.bytes > 0 && before.reader.cached === 0);
  assert.deepEqual(await cost(), { ...before, cached, reader: { bytes: before.reader.bytes, cached: before.reader.bytes } });
  // Without a connection, by what is kept here.
  site.fault = (file, response) => response.destroy();
  assert.equal((await cost()).bytes, info.bytes);
});

test('a pack that cannot be read is refused beforehand as it is when it is loaded', async () => {
  const answer = (status, body) => (file, response) => response.writeHead(status).end(body);
  const other = JSON.stringify({ ...manifest(weights), version: 99 });
  for (const [code, fault] of [['pack/manifest', answer(404)], ['pack/manifest', answer(200, '{}')], ['pack/version', answer(200, other)]]) {
    site.fault = fault;
    const refused = await page.evaluate(() =>
      MemeClip.support({ weights: '/weights/' }).then(() => null, ({ code, message, remedy }) => ({ code, message, remedy })),
    );
    assert.equal(refused?.code, code, refused?.message);
    assert.deepEqual({ error: refused }, await open('/weights/', { device: 'cpu' }));
  }
});

/** Errors of the program's commands, which no page runs. */
const commands = ['checkpoint', 'data-set', 'device/unavailable', 'features', 'features/towers', 'io'];

test('the codes of the types are those of the code', () => {
  const found = (file, pattern) => [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, code]) => code);
  const own = scripts.flatMap((script) => found(join(PACKAGE, script), /failure\(\s*'([^']+)'/g));
  const thrown = [...found(join(root, 'src/error.rs'), /=> "([a-z/-]+)",/g), ...own].filter((code) => !commands.includes(code));
  const [, union] = /export type ErrorCode =(.*?);/s.exec(readFileSync(join(PACKAGE, 'memeclip.d.ts'), 'utf8'));
  const declared = [...union.matchAll(/'([^']+)'/g)].map(([, code]) => code);
  assert.deepEqual([...new Set(thrown)].sort(), declared.sort());
});
