// What a classifier holds on to after many requests, and after it is gone: the short form of benches/endurance.js.
/* global addresses:writable, endure */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { countBuffers, inUse, instances, left, pageHeap, prepare } from './endurance.js';
import { PACKAGE, blank, host, launch, pack, serve } from './harness.js';

const MB = 1e6;
let browser, site, elsewhere;
before(async () => {
  site = await serve(pack('tiny', 'q8'));
  countBuffers(site);
  elsewhere = await host(PACKAGE, { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' });
});
after(() => [site, elsewhere].forEach((server) => server?.stop()));

/** A page in a browser of its own: what Workers there are is asked of all of it. */
async function withPage(task) {
  browser = await launch();
  try {
    const { page } = await blank(browser, site.origin);
    await task(page);
  } finally {
    await browser.close();
  }
}

for (const device of ['cpu', 'gpu']) {
  test(`after the first hundred requests, two hundred more take no memory: ${device}`, () =>
    withPage(async (page) => {
      await prepare(page);
      await page.evaluate(async (device) => (globalThis.clf = await MemeClip.load('/weights/', { device, threads: 1 })), device);
      const round = (i) => page.evaluate((first) => endure(first, 100), 100 * i);
      const { outcomes } = await round(0);
      assert.equal(outcomes.unexpected, undefined, JSON.stringify(outcomes));
      const before = await inUse(browser, page, 'relaxed');
      await round(1);
      await round(2);
      const now = await inUse(browser, page, 'relaxed');
      const figures = JSON.stringify([before, now]);
      assert.ok(now.wasm - before.wasm <= 2 * MB, figures);
      assert.ok(now.heap - before.heap <= 0.2 * MB, figures);
      assert.equal(now.workers, before.workers, figures);
      // Some sizes had not come before.
      assert.ok(now.buffers.bytes <= 2 * before.buffers.bytes, figures);
      assert.ok(now.buffers.count <= 1.5 * before.buffers.count, figures);
      assert.ok(device === 'cpu' || before.buffers.count > 0, figures);
    }));

  test(`a classifier that is disposed of leaves nothing behind: ${device}`, () =>
    withPage(async (page) => {
      const cycle = () =>
        page.evaluate(async ([module, device]) => {
          const { MemeClip } = await import(module);
          const clf = await MemeClip.load('/weights/', { device, threads: 1 });
          await clf.classify(new ImageData(64, 64), { text: 'hello' });
          clf.dispose();
        }, [`${elsewhere.origin}/memeclip.js`, device]);
      await page.evaluate(() => {
        globalThis.addresses = 0;
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (blob) => ((addresses += 1), createObjectURL.call(URL, blob));
        URL.revokeObjectURL = (address) => ((addresses -= 1), revokeObjectURL.call(URL, address));
      });
      const kept = async () => {
        const workers = await left(browser);
        const heap = await pageHeap(browser);
        return { workers, heap, addresses: await page.evaluate(() => addresses), ...(await counted(page)) };
      };
      await cycle();
      const before = await kept();
      assert.equal(before.workers, 0);
      for (let i = 0; i < 5; i++) await cycle();
      const { heap, ...rest } = await kept();
      assert.ok(heap - before.heap <= 0.5 * MB, `${heap} after ${before.heap}`);
      assert.deepEqual({ heap: before.heap, ...rest }, before);
    }));
}

/** Objects of the page that a classifier makes. */
async function counted(page) {
  const counts = {};
  for (const kind of ['Worker', 'BroadcastChannel', 'AbortController']) counts[kind] = await instances(page, kind);
  return counts;
}
