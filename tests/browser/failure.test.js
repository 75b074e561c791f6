// What goes wrong on this side of the network: bad input, no GPU, a crash. Each has its code, and the next request works.
// What can happen to anyone at any time is in faults.js.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { blank, launch, pack, picture, serve, workerOf } from './harness.js';

let browser, site, context, page, open, run;
before(async () => {
  browser = await launch();
  site = await serve(pack('tiny', 'q8'));
});
after(async () => {
  await browser?.close();
  site?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  ({ page, open, run } = await blank(browser, site.origin, context));
});
afterEach(() => context?.close());

async function works(device) {
  const { verdict, error, progress } = await run(picture('exact.png'), { text: 'hello' });
  assert.equal(error, undefined);
  if (progress.length) assert.equal(progress.at(-1).loaded, progress.at(-1).total);
  assert.match(verdict.device, device);
  return verdict;
}

/** A PNG's header with these sides, and no pixels. */
function png(width, height) {
  const bytes = Buffer.from(picture('pixel.png'));
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

test('bad input', async () => {
  await open('/weights/', { device: 'cpu' });
  const photo = picture('photo.jpg');
  const exact = picture('exact.png');
  const cases = [
    ['image/not-an-image', Buffer.from('%PDF-1.7 this is no picture')],
    ['image/not-an-image', Buffer.alloc(0)],
    ['image/truncated', photo.subarray(0, photo.length >> 3)],
    ['image/truncated', exact.subarray(0, 30)],
    ['image/not-an-image', png(0, 0)],
    ['image/size', png(30_000, 10)],
    ['image/size', png(16_000, 16_000)],
    ['image/unreadable', `${site.origin}/nothing.png`],
    ['text/too-long', exact, { text: 'a'.repeat(1 << 20) }],
    ['task/unknown', exact, { tasks: ['sarcasm'] }],
    ['task/unknown', exact, { tasks: 'hate' }],
    ['argument', 42],
    ['argument', { width: 1 }],
    ['argument', null],
  ];
  for (const [code, image, options] of cases) {
    const { error } = await run(image, options);
    assert.equal(error?.code, code, `${error?.message}`);
    assert.match(error.remedy, /^\S.*\.$/, 'an error names its remedy');
    assert.ok(error.message.endsWith(`. ${error.remedy}`), error.message);
    await works(/^cpu/);
  }
});

test('sources that only a page can make', async () => {
  await open('/weights/', { device: 'cpu' });
  const codes = await page.evaluate(async () => {
    const code = (source) => clf.classify(source).then(() => 'none', (error) => error.code);
    const closed = await createImageBitmap(new ImageData(2, 2));
    closed.close();
    return {
      closed: await code(closed),
      huge: await code(new Blob([new Uint8Array(200 << 20)])),
      empty: await code(Object.assign(document.createElement('canvas'), { width: 0, height: 0 })),
      blank: await code(new Image()),
    };
  });
  assert.deepEqual(codes, { closed: 'image/unreadable', huge: 'image/bytes', empty: 'image/size', blank: 'image/unreadable' });
  await works(/^cpu/);
});

test('without WebGPU, gpu says so and auto takes the CPU', async () => {
  const without = await launch({ gpu: false });
  try {
    const { page, open, run } = await blank(without, site.origin);
    const { error } = await open('/weights/', { device: 'gpu' });
    assert.equal(error?.code, 'gpu/none', error?.message);
    const { info } = await open('/weights/', { device: 'auto' });
    assert.match(info.device, /^cpu/);
    assert.ok((await run(picture('exact.png'))).verdict);
    const { webgpu, software } = await page.evaluate(() => MemeClip.support());
    assert.deepEqual({ webgpu, software }, { webgpu: false, software: false });
  } finally {
    await without.close();
  }
});

test('auto prefers SIMD to a software adapter', async () => {
  const support = await page.evaluate(() => MemeClip.support());
  assert.deepEqual(support, { supported: true, missing: [], device: 'cpu', webgpu: false, software: true, relaxedSimd: true, threads: 1, cache: true });
  const { info } = await open('/weights/', { device: 'auto' });
  assert.match(info.device, /^cpu/);
});

test('an unknown device', async () => {
  const { error } = await open('/weights/', { device: 'abacus' });
  assert.equal(error?.code, 'argument', error?.message);
});

test('a Worker that cannot be had', async () => {
  for (const assets of ['/nowhere', 'https://nowhere.invalid/memeclip']) {
    const { error } = await open('/weights/', { device: 'cpu', assets });
    assert.equal(error?.code, 'network', error?.message);
    // Whichever is missed first.
    const named = ['worker.js', 'loader.js'].some((name) => error.message.includes(`${assets}/${name} could not be loaded`));
    assert.ok(named, error.message);
  }
});

test('a crash of the Worker fails the request, and the next one starts afresh', async () => {
  await open('/weights/', { device: 'cpu' });
  await works(/^cpu/);
  await workerOf(page).evaluate(() => {
    // A module whose start function is `unreachable`: the trap that a panic ends in.
    const trap = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 5, 1, 3, 0, 0, 11];
    self.createImageBitmap = () => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(trap)));
  });
  const { error } = await run(Buffer.from('left to the browser to decode'));
  assert.equal(error?.code, 'internal', error?.message);
  assert.match(error.message, /unreachable/);
  await works(/^cpu/);
});

test('threads that cannot be had are done without', async () => {
  const { open, run } = await blank(browser, site.origin, context, { isolated: true });
  for (const missing of ['/memeclip/thread.js', '/memeclip/pkg/threads_bg.wasm']) {
    site.scripts = { [missing]: null };
    const { info, error } = await open('/weights/', { device: 'cpu', threads: 2 });
    site.scripts = {};
    assert.equal(error, undefined, missing);
    assert.doesNotMatch(info.device, /threads/, missing);
    assert.ok((await run(picture('exact.png'))).verdict, missing);
  }
});

test('a disposed classifier', async () => {
  await open('/weights/', { device: 'cpu' });
  await page.evaluate(() => clf.dispose());
  assert.equal((await run(picture('exact.png'))).error?.code, 'argument');
  assert.equal(page.workers().length, 0);
});

test('loading can be stopped', async () => {
  site.fault = () => true;
  const code = await page.evaluate(async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    return MemeClip.load('/weights/', { device: 'cpu', signal: stop.signal }).catch((error) => error.code);
  });
  site.fault = () => false;
  assert.equal(code, 'aborted');
});
