// Older browsers: what they lack is said in types; what is not needed is done without.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { empty, fileAt, launch, pack, picture, serve } from './harness.js';

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
