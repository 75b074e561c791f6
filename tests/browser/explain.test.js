// Why a verdict is what it is: the page's explanations are made of its own verdicts, and are the program's.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { blank, launch, memeclip, pack, picture, root, serve, workerOf } from './harness.js';

const text = 'Nobody: ... Me at 3 AM';
const photo = picture('photo.jpg');
let browser, site, weights;
before(async () => {
  weights = pack('tiny', 'q8', ['hate', 'stance']);
  browser = await launch();
  site = await serve(weights);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** A page that classifies with `run`, and explains a file with `explain`. */
async function open(device) {
  const { page, open, run } = await blank(browser, site.origin);
  const { error } = await open('/weights/', { device });
  assert.equal(error, undefined);
  const explain = (image, options) =>
    page.evaluate(
      async ([image, options]) => {
        try {
          const source = typeof image === 'string' ? Uint8Array.from(atob(image), (c) => c.charCodeAt(0)) : image;
          return { explanation: await clf.explain(source, options) };
        } catch ({ name, code, message }) {
          return { error: { name, code, message } };
        }
      },
      [Buffer.isBuffer(image) ? image.toString('base64') : image, options],
    );
  return { page, run, explain };
}

function close(found, expected, bound, what) {
  assert.deepEqual(Object.keys(found), Object.keys(expected), what);
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Math.abs(found[name] - value) <= bound, `${what}, ${name}: ${found[name]} for ${value}`);
  }
}

for (const device of ['cpu', 'gpu']) {
  test(`on the ${device}`, async () => {
    const { run, explain } = await open(device);
    const { explanation, error } = await explain(photo, { text });
    assert.equal(error, undefined);
    assert.equal(explanation.text, text);

    // Its parts are verdicts.
    const tasks = async (text) => (await run(photo, { text })).verdict.tasks;
    const both = await tasks(text);
    const image = await tasks('');
    assert.deepEqual(Object.keys(explanation.tasks), Object.keys(both));
    for (const [task, alone] of Object.entries(explanation.tasks)) {
      close(alone.both, both[task].probabilities, 0.01, `${task}, both`);
      close(alone.image, image[task].probabilities, 0.01, `${task}, the picture`);
    }
    const words = text.split(' ');
    assert.deepEqual(explanation.words.map(({ word }) => word), words);
    const without = await tasks(words.slice(0, -1).join(' '));
    for (const [task, { probabilities }] of Object.entries(both)) {
      const change = Object.entries(probabilities).map(([name, p]) => [name, p - without[task].probabilities[name]]);
      close(explanation.words.at(-1).tasks[task], Object.fromEntries(change), 0.01, `${task}, the last word`);
    }

    // The same as the program's.
    const file = join(root, 'tests/goldens/images/photo.jpg');
    const line = memeclip('classify', '--weights', weights, '--image', file, '--text', text, '--device', 'cpu', '--json', '--why');
    const native = JSON.parse(line).explanation;
    const { rows, cols, values } = explanation.regions;
    assert.deepEqual([rows, cols, values.length], [4, 4, 16]);
    assert.equal(Math.max(...values), 1);
    close(values, native.regions.values, 0.05, 'regions');
    for (const [task, alone] of Object.entries(native.tasks)) {
      close(explanation.tasks[task].text, alone.text, 0.05, `${task}, the words`);
    }
    for (const [i, { tasks }] of native.words.entries()) {
      close(explanation.words[i].tasks.hate, tasks.hate, 0.05, `hate, ${words[i]}`);
    }
  });
}

test('tasks that are named, a meme without words, and requests that wait', async () => {
  const { page, explain } = await open('cpu');
  const [first, second] = await Promise.all([explain(photo, { text: 'a b', tasks: ['stance'] }), explain(photo)]);
  assert.deepEqual(Object.keys(first.explanation.tasks), ['stance']);
  assert.deepEqual(Object.keys(first.explanation.words[0].tasks), ['stance']);
  assert.deepEqual(second.explanation.words, []);
  assert.deepEqual(second.explanation.tasks.hate.both, second.explanation.tasks.hate.image);
  // Stopped while it waits for another.
  const codes = await page.evaluate(async (base64) => {
    const image = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stop = new AbortController();
    const outcomes = [clf.explain(image), clf.explain(image, { signal: stop.signal }), clf.classify(image)];
    setTimeout(() => stop.abort());
    return Promise.all(outcomes.map((outcome) => outcome.then(() => 'done', ({ code }) => code)));
  }, photo.toString('base64'));
  assert.deepEqual(codes, ['done', 'aborted', 'done']);
});

test('a lost GPU is replaced and the request answered', async () => {
  const { page, explain } = await open('gpu');
  const expected = await explain(photo, { text });
  await workerOf(page).evaluate(() => {
    const { createCommandEncoder } = GPUDevice.prototype;
    GPUDevice.prototype.createCommandEncoder = function (...parameters) {
      GPUDevice.prototype.createCommandEncoder = createCommandEncoder;
      this.destroy();
      return this.createCommandEncoder(...parameters);
    };
  });
  assert.deepEqual(await explain(photo, { text }), expected);
});

test('bad input', async () => {
  const { explain } = await open('cpu');
  for (const [code, image, options] of [
    ['image/not-an-image', Buffer.from('%PDF-1.7 this is no picture')],
    ['text/too-long', photo, { text: 'a'.repeat(1 << 20) }],
    ['task/unknown', photo, { tasks: ['sarcasm'] }],
    ['argument', 42],
  ]) {
    const { error } = await explain(image, options);
    assert.equal(error?.name, 'MemeClipError');
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /\. \S.*\.$/, 'an error names its remedy');
    assert.ok((await explain(photo)).explanation);
  }
});

test('unsure: the head was not trained, or no class is likely enough', async () => {
  const { run } = await open('cpu');
  const { tasks } = (await run(photo, { text })).verdict;
  for (const [task, { unsure, zero_shot, probabilities }] of Object.entries(tasks)) {
    assert.equal(unsure, zero_shot || Math.max(...Object.values(probabilities)) < 0.6, task);
  }
  assert.equal(tasks.humor.unsure, true);
});
