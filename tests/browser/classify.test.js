// One meme, every way to ask: devices, builds, image sources; the same verdict.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { blank, cosine, demo, launch, memeclip, numbers, pack, picture, root } from './harness.js';

const text = 'Nobody: ... Me at 3 AM';
const formats = ['f32', 'q8', 'q4'];
// Of two kinds: FIMIF's, and zero-shot ones.
const heads = { stance: join(root, 'tests/goldens/fimif-stance.pth') };
let browser;
const sites = {};
before(async () => {
  browser = await launch();
  for (const format of formats) sites[format] = await demo('--weights', pack('tiny', format, [], heads));
});
after(async () => {
  await browser?.close();
  Object.values(sites).forEach((site) => site.stop());
});

/** The verdict in a page, by default with `name` as a file. */
async function inPage(format, device, name, options = {}) {
  const { open, run } = await blank(browser, sites[format].origin);
  const { error } = await open('/weights/', { device });
  assert.equal(error, undefined);
  const { verdict, error: failed } = await run(picture(name), { text, features: true, ...options });
  assert.equal(failed, undefined);
  return verdict;
}

function native(format, name) {
  const image = join(root, 'tests/goldens/images', name);
  const weights = join(root, 'target/tmp/browser', `tiny-${format}`);
  return JSON.parse(memeclip('classify', '--weights', weights, '--image', image, '--text', text, '--device', 'cpu', '--json', '--features'));
}

/** All numbers are the same, to the bit. */
function same(a, b, what) {
  assert.deepEqual(numbers(a), numbers(b), what);
}

/** Features and logits are the same within the format's bounds, and so are the labels. */
function agree(a, b, what, [similarity, logits]) {
  for (const side of ['image', 'text']) {
    const found = cosine(a.features[side], b.features[side]);
    assert.ok(found >= similarity, `${what}: ${side} features, cosine ${found}`);
  }
  assert.deepEqual(Object.keys(a.tasks), Object.keys(b.tasks));
  for (const [task, { label, logits: values }] of Object.entries(a.tasks)) {
    const worst = Math.max(...values.map((value, i) => Math.abs(value - b.tasks[task].logits[i])));
    assert.ok(worst <= logits, `${what}: logits of ${task} differ by ${worst}`);
    assert.equal(label, b.tasks[task].label, `${what}: ${task}`);
  }
}

const bounds = { f32: [0.99999, 2e-3], q8: [0.999, 0.2], q4: [0.999, 0.2] };

for (const format of formats) {
  test(`${format}: the page's engines agree with the program's`, async () => {
    const expected = native(format, 'exact.png');
    const cpu = await inPage(format, 'cpu', 'exact.png');
    const gpu = await inPage(format, 'gpu', 'exact.png');
    assert.match(cpu.device, /^cpu \(relaxed-simd/);
    assert.match(gpu.device, /^gpu \(/);
    same(cpu, expected, 'cpu');
    agree(gpu, expected, 'gpu', bounds[format]);
  });
}

test('every kind of picture is read as the program reads it', async () => {
  const { open, run } = await blank(browser, sites.f32.origin);
  await open('/weights/', { device: 'cpu' });
  for (const name of ['alpha.png', 'palette.png', 'grey-alpha.png', 'photo.jpg', 'progressive.jpg', 'turned.jpg', 'grey.jpg', 'animated.gif', 'alpha.webp', 'pixel.png']) {
    const { verdict, error } = await run(picture(name), { text, features: true });
    assert.equal(error, undefined, name);
    same(verdict, native('f32', name), name);
  }
});

test('a browser without relaxed SIMD gets the other build, and the same verdict', async () => {
  for (const format of formats) {
    const { page, open, run } = await blank(browser, sites[format].origin);
    await page.evaluate(() => {
      const { validate } = WebAssembly;
      // Such a browser refuses a module with i8x16.relaxed_swizzle.
      WebAssembly.validate = (module) => !String(module).includes('253,128,2') && validate.call(WebAssembly, module);
    });
    const { info } = await open('/weights/', { device: 'cpu' });
    assert.match(info.device, /^cpu \(simd128/);
    const { verdict } = await run(picture('exact.png'), { text, features: true });
    same(verdict, native(format, 'exact.png'), `simd128, ${format}`);
    assert.equal(await page.evaluate(() => MemeClip.support().then(({ relaxedSimd }) => relaxedSimd)), false);
  }
});

test('an isolated page computes on threads, as many as are asked for, and the same verdict', async () => {
  const { page, open, run } = await blank(browser, sites.q8.origin, undefined, { isolated: true });
  for (const [threads, name] of [[1, /^cpu \(relaxed-simd\)/], [2, /, 2 threads\)/], [3, /, 3 threads\)/], [100, /, 8 threads\)/]]) {
    const { info } = await open('/weights/', { device: 'cpu', threads });
    assert.match(info.device, name);
    const { verdict } = await run(picture('exact.png'), { text, features: true });
    same(verdict, native('q8', 'exact.png'), `${threads} threads`);
    assert.equal(verdict.device, info.device);
  }
  const most = await page.evaluate(() => Math.min(navigator.hardwareConcurrency, 8));
  assert.equal(await page.evaluate(() => MemeClip.support().then(({ threads }) => threads)), most);
  assert.equal((await open('/weights/', { threads: 0 })).error?.code, 'argument');
});

test('a picture comes as a file, as bytes, from an element or by address', async () => {
  const { page, open } = await blank(browser, sites.f32.origin);
  await open('/weights/', { device: 'cpu' });
  const logits = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const blob = new Blob([bytes], { type: 'image/png' });
    const address = URL.createObjectURL(blob);
    const element = Object.assign(new Image(), { src: address });
    await element.decode();
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' });
    const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
    offscreen.getContext('2d').drawImage(bitmap, 0, 0);
    const sources = {
      file: new File([blob], 'meme.png'), blob, buffer: bytes.buffer, view: bytes, element, address,
      data: `data:image/png;base64,${base64}`, url: new URL(address), bitmap, canvas, offscreen, pixels,
    };
    const logits = {};
    for (const [name, source] of Object.entries(sources)) logits[name] = (await clf.classify(source)).tasks.hate.logits;
    return logits;
  }, picture('exact.png').toString('base64'));
  assert.equal(Object.keys(logits).length, 12);
  for (const [name, values] of Object.entries(logits)) assert.deepEqual(values, logits.file, name);
});

for (const [device, together] of Object.entries({ gpu: true, cpu: false })) {
  test(`${device}: requests made at once are answered ${together ? 'together' : 'one after the other'}, each as if alone`, async () => {
    const { page, open } = await blank(browser, sites.q8.origin);
    await open('/weights/', { device });
    const names = ['exact.png', 'photo.jpg', 'none', 'photo.jpg', 'grey.png'];
    const files = names.map((name) => (name === 'none' ? '' : picture(name).toString('base64')));
    // The last one is stopped while it waits.
    const outcomes = await page.evaluate(async ([files, text]) => {
      const stop = new AbortController();
      const outcomes = files.map((file, i) => {
        const image = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
        const signal = i === files.length - 1 ? stop.signal : undefined;
        return clf.classify(image, { text, features: true, signal }).catch(({ code }) => code);
      });
      setTimeout(() => stop.abort());
      return Promise.all(outcomes);
    }, [files, text]);
    const [first, second, none, third, stopped] = outcomes;
    assert.equal(none, 'image/not-an-image');
    assert.equal(stopped, 'aborted');
    for (const [verdict, name] of [[first, 'exact.png'], [second, 'photo.jpg'], [third, 'photo.jpg']]) {
      agree(verdict, await inPage('q8', device, name), name, bounds.f32);
      assert.ok(verdict.timings.total >= verdict.timings.load + verdict.timings.compute, JSON.stringify(verdict.timings));
    }
    const shared = ({ timings: { load, compute } }) => [load, compute];
    const same = together ? assert.deepEqual : assert.notDeepEqual;
    same(shared(second), shared(third));
    assert.notDeepEqual(shared(first), shared(second));
  });
}

test('the verdict holds what was asked for', async () => {
  const { page, open, run } = await blank(browser, sites.q8.origin);
  const { info } = await open('/weights/', { device: 'cpu', tasks: ['target'] });
  assert.deepEqual(info.tasks, ['hate', 'target', 'stance', 'humor']);
  assert.equal(info.dtype, 'q8');
  const { verdict } = await run(picture('tall.jpg'));
  assert.deepEqual(Object.keys(verdict.tasks), ['target']);
  assert.equal(verdict.features, undefined);
  const { probabilities, zero_shot } = verdict.tasks.target;
  assert.deepEqual(Object.keys(probabilities), ['undirected', 'individual', 'community', 'organization']);
  assert.ok(Math.abs(Object.values(probabilities).reduce((a, b) => a + b) - 1) < 1e-6);
  assert.equal(zero_shot, true);
  const { decode, load, compute, total } = verdict.timings;
  assert.ok(decode >= 0 && load > 0 && compute > 0 && total >= load + compute, JSON.stringify(verdict.timings));
  const size = await page.evaluate(async (base64) => {
    const { width, height } = await createImageBitmap(await (await fetch(`data:image/jpeg;base64,${base64}`)).blob());
    return { width, height };
  }, picture('tall.jpg').toString('base64'));
  assert.deepEqual(verdict.image, size);
  const { verdict: other } = await run(picture('tall.jpg'), { tasks: ['humor', 'hate'], features: true });
  assert.deepEqual(Object.keys(other.tasks), ['hate', 'humor']);
  assert.equal(other.features.image.length, 64);
  assert.equal(other.features.text.length, 96);
});
