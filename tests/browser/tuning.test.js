// What the engine finds out about a GPU by trying is kept for the next visit.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE, blank, launch, pack, picture, serve, untested, workerOf } from './harness.js';

let browser, site, context;
before(async () => {
  browser = await launch();
  const weights = pack('tiny', 'q8');
  // Or its first verdict of a visit would run more kernels than the second.
  site = await serve(untested(weights, `${weights}-untested`));
  context = await browser.newContext();
  // Software adapters have nothing to choose from, so this one passes for a GPU. Runs of kernels are counted.
  const worker = readFileSync(join(PACKAGE, 'worker.js'), 'utf8');
  const body = `
    self.runs = 0;
    Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });
    const run = GPUComputePassEncoder.prototype.dispatchWorkgroups;
    GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...groups) {
      self.runs++;
      return run.apply(this, groups);
    };
    // By the time that the cache is open, the next request runs.
    const open = CacheStorage.prototype.open;
    CacheStorage.prototype.open = async function (name) {
      const { runs } = self;
      for (let i = 0; i < 100 && runs === self.runs; i++) await new Promise((resolve) => setTimeout(resolve, 5));
      return open.call(this, name);
    };
    ${worker}`;
  await context.route('**/worker.js', (route) => route.fulfill({ contentType: 'text/javascript', body }));
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** The first verdict of a visit, and how many kernels ran for it beyond those of the second one. */
async function visit() {
  const { page, open, run } = await blank(browser, site.origin, context);
  await open('/weights/', { device: 'gpu' });
  const worker = workerOf(page);
  const runs = [];
  let tasks;
  for (const [name, text] of [['exact.png', 'one does not'], ['photo.jpg', 'simply walk into']]) {
    const before = await worker.evaluate('self.runs');
    const { verdict, error } = await run(picture(name), { text });
    assert.equal(error, undefined);
    tasks ??= verdict.tasks;
    runs.push((await worker.evaluate('self.runs')) - before);
  }
  assert.ok(runs[1] > 0);
  return { page, tasks, tried: runs[0] - runs[1] };
}

/** What is kept, once it is not `old`. */
async function kept(page, old) {
  const entry = async (old) => {
    const cache = await caches.open('memeclip tuning');
    const found = await cache.match((await cache.keys())[0] ?? '/none');
    const text = await found?.text();
    return text !== old && text;
  };
  return (await page.waitForFunction(entry, old)).jsonValue();
}

test('the next visit need not try again, unless what was kept is damaged', async () => {
  const first = await visit();
  assert.ok(first.tried > 0);
  const found = await kept(first.page);
  const second = await visit();
  assert.equal(second.tried, 0);
  assert.deepEqual(second.tasks, first.tasks);

  const damaged = `${found.slice(0, -1)} q4=int8-1x1 <h1>`;
  await second.page.evaluate(async (damaged) => {
    const cache = await caches.open('memeclip tuning');
    await cache.put((await cache.keys())[0], new Response(damaged));
  }, damaged);
  const third = await visit();
  assert.ok(third.tried > 0);
  assert.match(await kept(third.page, damaged), /^q8=[a-z0-9]+-\d+x\d+-\d+$/);
});
