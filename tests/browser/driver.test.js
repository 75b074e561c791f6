// Drivers that compute wrongly: each is found out by the pack's golden meme before the first verdict, which is the CPU's.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE, blank, launch, numbers, picture, root, serve, untested } from './harness.js';

const text = 'Nobody: ... Me at 3 AM';
// Trained: weights at random forgive more.
const weights = join(root, 'weights/default');
let browser, site, expected;
before(async () => {
  browser = await launch();
  site = await serve(weights);
  expected = await verdict('cpu');
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** The answer of a new page whose Worker runs `script` first. */
async function verdict(device, script = '', ask = (run) => run(picture('photo.jpg'), { text, features: true })) {
  site.scripts = { '/memeclip/worker.js': `${script}\n${readFileSync(join(PACKAGE, 'worker.js'), 'utf8')}` };
  const context = await browser.newContext();
  try {
    const { page, open, run } = await blank(browser, site.origin, context);
    assert.equal((await open('/weights/', { device })).error, undefined);
    const { verdict, error } = await ask(run, page);
    assert.equal(error, undefined);
    return verdict;
  } finally {
    await context.close();
  }
}

/** What translates shaders into something else. */
const miscompile = (from, to) => `
  const compile = GPUDevice.prototype.createShaderModule;
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    return compile.call(this, { ...descriptor, code: descriptor.code.replace(${from}, ${JSON.stringify(to)}) });
  };`;

/** Weights that arrive with each 64th byte changed. */
const corrupt = `
  const write = GPUQueue.prototype.writeBuffer;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, ...part) {
    if (buffer.label !== 'weights') return write.call(this, buffer, offset, data, ...part);
    const [start = 0, length = data.byteLength] = part;
    const bytes = new Uint8Array(data.buffer ?? data, (data.byteOffset ?? 0) + start, length).map((b, i) => (i % 64 ? b : b ^ 0x40));
    return write.call(this, buffer, offset, bytes);
  };`;

const wrong = {
  'a sum that ends early': miscompile(/block < p\.blocks; block\+\+/, 'block + 1u < p.blocks; block++'),
  'a norm without its variance': miscompile(/workgroup_sum\(thread, squares\) \/ f32\(p\.columns\)/, '1.0'),
  'attention that forgets': miscompile(/total(\d) \* shrink\d/g, 'total$1'),
  'attention to the wrong neighbour': miscompile(/quadSwapY\(k0_0\)/, 'quadSwapX(k0_0)'),
  'a norm without its offset': miscompile(/\+ beta\[c\]/, ''),
  'another activation': miscompile(/1\.702/, '0.2'),
  'a sum for a product, in the heads': miscompile(/a\[i\] \* b\[i\]/, 'a[i] + b[i]'),
  'nothing but zeros': miscompile(/y\[first \+ c\] = \(/, 'y[first + c] = 0.0 * ('),
  'what is no number': miscompile(/\* scale \* gamma\[c\]/, '* sqrt(-abs(scale) - 1.0) * gamma[c]'),
  'damaged weights': corrupt,
};

for (const [what, script] of Object.entries(wrong)) {
  test(what, async () => {
    const found = await verdict('gpu', script);
    assert.match(found.device, /^cpu/);
    assert.match(found.notice, /^The CPU has taken over: the gpu \(.*\) gives wrong results: .* graphics driver/);
    assert.deepEqual(numbers(found), numbers(expected));
  });
}

test('a driver that computes rightly is kept', async () => {
  const found = await verdict('gpu');
  assert.match(found.device, /^gpu/);
  // The text is not of the kind that the pack knows.
  assert.deepEqual(found.notices.map(({ code }) => code), ['outside-training']);
});

test('an explanation is tested as well', async () => {
  const found = await verdict('gpu', wrong['damaged weights'], async (run, page) => {
    await page.evaluate(async (base64) => {
      const image = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      await clf.explain(image, { text: 'two words' });
    }, picture('photo.jpg').toString('base64'));
    return run(picture('photo.jpg'), { text, features: true });
  });
  assert.match(found.device, /^cpu/);
  assert.deepEqual(numbers(found), numbers(expected));
});

test('a pack of an earlier version, which has no golden meme, is taken at its word', async () => {
  const old = await serve(untested(weights, join(root, 'target/tmp/browser/default-untested')));
  try {
    const { open, run } = await blank(browser, old.origin);
    await open('/weights/', { device: 'gpu' });
    const { verdict } = await run(picture('photo.jpg'), { text });
    assert.match(verdict.device, /^gpu/);
  } finally {
    old.stop();
  }
});
