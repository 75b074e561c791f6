// Older browsers: what they lack is said in types; what is not needed is done without.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { empty, fileAt, host, launch, pack, picture, root, send, serve, until } from './harness.js';

const image = `data:image/png;base64,${picture('exact.png').toString('base64')}`;
let browser, site;
before(async () => {
  [browser, site] = await Promise.all([launch(), serve(pack('tiny', 'q8'))]);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** What a page gets from which this has been taken away. */
async function answer(takeAway) {
  const page = await empty(browser, site.origin);
  await page.evaluate(takeAway);
  const answer = await page.evaluate(async (image) => {
    const { MemeClip, MemeClipError } = await import('/memeclip/memeclip.js');
    const support = await MemeClip.support({ weights: '/weights/' });
    try {
      const clf = await MemeClip.load('/weights/', { device: 'cpu' });
      const { tasks } = await clf.classify(image, { text: 'hello' });
      clf.dispose();
      return { support, label: tasks.hate.label };
    } catch (error) {
      return { support, typed: error instanceof MemeClipError, code: error.code, message: error.message, remedy: error.remedy };
    }
  }, image);
  const workers = page.workers().length;
  await page.close();
  return { ...answer, workers };
}

const lacking = {
  'WebAssembly SIMD': () => {
    const { validate } = WebAssembly;
    // Such a browser refuses a module with any instruction of SIMD, whose code begins with 253.
    WebAssembly.validate = (module) => !new Uint8Array(module).includes(253) && validate.call(WebAssembly, module);
  },
  'module Workers': () => {
    const { Worker } = globalThis;
    // Such a browser does not look at `type`.
    globalThis.Worker = function (address, { name } = {}) {
      return new Worker(address, { name });
    };
  },
  'AbortSignal.timeout': () => delete AbortSignal.timeout,
};

for (const [feature, takeAway] of Object.entries(lacking)) {
  test(`a browser without ${feature} says so, in types`, async () => {
    const { support, typed, code, message, remedy, workers } = await answer(takeAway);
    assert.equal(support.supported, false);
    assert.deepEqual(support.missing, [feature]);
    assert.equal(support.load, undefined);
    assert.ok(typed, message);
    assert.equal(code, 'browser');
    assert.ok(message.includes(feature) && message.endsWith(remedy), message);
    assert.equal(workers, 0);
  });
}

test('so does one without WebAssembly', async () => {
  const { support, code } = await answer(() => delete globalThis.WebAssembly);
  assert.deepEqual([support.supported, support.missing, support.relaxedSimd], [false, ['WebAssembly SIMD'], false]);
  assert.equal(code, 'browser');
});

test('says how long a meme takes here, and fetches no weights for that', async () => {
  for (const [isolated, probe, device] of [[true, 'auto', /^cpu \(.*threads/], [false, 'cpu', /^cpu/], [false, 'gpu', /^gpu/]]) {
    site.requests.length = 0;
    const page = await empty(browser, site.origin, { isolated });
    const { load, speed } = await page.evaluate(async (probe) => {
      const { MemeClip } = await import('/memeclip/memeclip.js');
      return MemeClip.support({ weights: '/weights/', probe });
    }, probe);
    assert.ok(load.bytes > 0 && load.cached === 0);
    assert.ok(Number.isFinite(speed.seconds) && speed.seconds > 0, `${speed.seconds}`);
    assert.match(speed.device, device);
    assert.deepEqual(site.requests.filter(({ path }) => path.endsWith('.safetensors')), []);
    await until(() => page.workers().length, (count) => count === 0, 'Workers');
    await page.close();
  }
});

test('a speed that cannot be measured is a typed error', async () => {
  const page = await empty(browser, site.origin);
  const failures = await page.evaluate(async () => {
    const { MemeClip, MemeClipError } = await import('/memeclip/memeclip.js');
    const failure = async (options) => {
      const error = await MemeClip.support(options).catch((error) => error);
      return [error instanceof MemeClipError, error.code];
    };
    return [await failure({ weights: '/weights/', probe: 'tpu' }), await failure({ weights: '/nothing/', probe: 'cpu' })];
  });
  assert.deepEqual(failures, [[true, 'argument'], [true, 'pack/manifest']]);
  await page.close();
});

test('a page with several packs says what each costs before it loads one, and changes between them', async (t) => {
  const far = await host(join(root, 'weights/default'), { 'access-control-allow-origin': '*' });
  t.after(() => far.stop());
  const html = readFileSync(fileAt('/index.html'), 'utf8');
  const [listed] = /<option value="weights\/">.*<\/option>/.exec(html);
  const options = `<option value="weights/">Small</option><option value="${far.origin}">Large</option>`;
  site.scripts['/index.html'] = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html.replace(listed, options));
  site.requests.length = 0;
  const page = await browser.newPage();
  await page.goto(`${site.origin}/index.html?device=cpu`);
  const cost = /^\d+\.\d MB to download, (\d+\.\d MB more to read text from images, )?about \d+ ms a meme on the CPU \(.*\)$/;
  await page.locator('#cost', { hasText: cost }).waitFor();
  const labels = () => page.locator('#weights option').evaluateAll((options) => options.map(({ label }) => label));
  const costs = /^(Small|Large): \d+\.\d MB to download, (\d+\.\d MB more to read text from images, )?about \d+ ms a meme$/;
  await until(labels, (labels) => labels.every((label) => costs.test(label)), 'costs');
  assert.deepEqual(site.requests.filter(({ path }) => path.endsWith('.safetensors')), []);

  const model = () => page.locator('#facts div').first().textContent();
  await until(model, (model) => model.includes('q8'), 'the first pack');
  const first = await model();
  await page.getByLabel('Model', { exact: true }).selectOption(far.origin);
  await until(model, (model) => model !== first, 'the second pack');
  await page.locator('.thumbs button').first().click();
  await page.locator('#status', { hasText: 'Answered' }).waitFor();
  assert.equal(await page.locator('.task').count(), 4);
  assert.deepEqual(site.requests.filter(({ path }) => path.endsWith('.safetensors')), []);
  await page.close();
  delete site.scripts['/index.html'];
});

test('of a pack that is left while it opens, and beside one that cannot be loaded, the page shows nothing', async (t) => {
  const html = readFileSync(fileAt('/index.html'), 'utf8');
  const [listed] = /<option value="weights\/">.*<\/option>/.exec(html);
  const options = '<option value="weights/">Slow</option><option value="nothing/">Broken</option>';
  site.scripts['/index.html'] = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html.replace(listed, options));
  const held = [];
  site.fault = (file, response) => file.endsWith('manifest.json') && held.push(() => send(file, response, { headers: {} }));
  const page = await browser.newPage();
  t.after(async () => {
    site.fault = () => false;
    delete site.scripts['/index.html'];
    await page.close();
  });
  await page.goto(`${site.origin}/index.html?device=cpu`);
  await until(() => held.length, (count) => count > 0, 'the first manifest');
  await page.locator('#weights').selectOption('nothing/');
  await page.locator('#error', { hasText: 'nothing/' }).waitFor();
  site.fault = () => false;
  for (const answer of held) answer();
  const shown = () => page.evaluate(() => [document.getElementById('facts').textContent, document.querySelectorAll('.task').length]);
  await page.locator('#cost', { hasText: 'cannot be loaded' }).waitFor();
  await page.waitForTimeout(500);
  assert.deepEqual(await shown(), ['', 0]);
  assert.ok(await page.isVisible('#error'));

  await page.locator('#weights').selectOption('weights/');
  await until(shown, ([facts, tasks]) => facts.includes('q8') && tasks === 4, 'the first pack');
  await page.locator('#weights').selectOption('nothing/');
  await until(shown, ([facts, tasks]) => facts === '' && tasks === 0, 'nothing of the first pack');
});

/** Came to the oldest of our browsers later than they did. */
const newer = () => {
  for (const [owner, name] of [[Promise, 'withResolvers'], [AbortSignal, 'any'], [URL, 'canParse'], [URL, 'parse'], [Map, 'groupBy'], [Object, 'groupBy'], [Array, 'fromAsync'], [Promise, 'try'], [Uint8Array, 'fromBase64'], [Array.prototype, 'toSorted'], [Set.prototype, 'union'], [globalThis, 'Iterator']]) {
    delete owner[name];
  }
};

test('what came after 2022 is not needed, neither on the page nor in its Workers', async () => {
  for (const path of ['/memeclip/worker.js', '/memeclip/loader.js', '/app.js']) {
    site.scripts[path] = `(${newer})();\n${readFileSync(fileAt(path), 'utf8')}`;
  }
  const { support, label, message } = await answer(newer);
  assert.deepEqual([support.supported, support.missing], [true, []]);
  assert.match(label ?? message, /hate$/);
  assert.ok(support.load.bytes > 0);

  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.addInitScript(newer);
  await page.goto(`${site.origin}/index.html?device=cpu`);
  await page.locator('.thumbs button').first().click();
  await page.locator('#status', { hasText: 'Answered' }).waitFor();
  assert.deepEqual(errors, []);
  await page.close();
});

test('the page says what the browser lacks', async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => delete globalThis.WebAssembly);
  await page.goto(`${site.origin}/index.html`);
  await page.locator('#error', { hasText: 'this browser lacks WebAssembly SIMD' }).waitFor();
  assert.equal(await page.textContent('#error code'), 'browser');
  await page.close();
});
