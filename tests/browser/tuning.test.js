// What the engine finds out by trying, about a GPU and beside it, is kept for the next visit.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE, blank, launch, pack, picture, serve, until, untested, workerOf } from './harness.js';

let browser, site;
before(async () => {
  browser = await launch();
  const weights = pack('tiny', 'q8');
  // Or its first verdict of a visit would run more kernels than the second.
  site = await serve(untested(weights, `${weights}-untested`));
  const worker = readFileSync(join(PACKAGE, 'worker.js'), 'utf8');
  site.scripts['/memeclip/worker.js'] = `(${observed})();\n${worker}`;
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** The software adapter passes for a GPU. Runs of kernels are counted. */
function observed() {
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
  // How many had run when the first weights were asked for.
  const post = MessagePort.prototype.postMessage;
  MessagePort.prototype.postMessage = function (message, ...more) {
    if (message?.method === 'prefetch') self.runsBefore ??= self.runs;
    return post.call(this, message, ...more);
  };
}

/** A browser that has not been here. */
async function stranger(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  return context;
}

/** The first verdict of a visit with device gpu, and how many kernels ran for it beyond those of the second one. */
async function visit(context) {
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

/** A visit with device auto and two threads: the devices before and after its first verdict, and the kernels that ran. */
async function choice(context) {
  const { page, open, run } = await blank(browser, site.origin, context, { isolated: true });
  const { info, error: failed } = await open('/weights/', { device: 'auto', threads: 2 });
  assert.equal(failed, undefined);
  const { verdict, error } = await run(picture('exact.png'), { text: 'one does not' });
  assert.equal(error, undefined);
  assert.equal(verdict.notice, undefined);
  const { runs, runsBefore } = await workerOf(page).evaluate('({ runs, runsBefore })');
  return { page, devices: [info.device, verdict.device].map((device) => device.slice(0, 3)), verdict, runs, runsBefore };
}

/** What is kept, once it is not `old`. */
function kept(page, old) {
  const entry = async () => {
    const cache = await caches.open('memeclip tuning');
    const found = await cache.match((await cache.keys())[0] ?? '/none');
    return found?.text();
  };
  return until(() => page.evaluate(entry), (text) => text !== undefined && text !== old, 'what is kept');
}

/** Replaces what is kept. */
function keep(page, text) {
  return page.evaluate(async (text) => {
    const cache = await caches.open('memeclip tuning');
    await cache.put((await cache.keys())[0], new Response(text));
  }, text);
}

test('the next visit need not try again, unless what was kept is damaged', async (t) => {
  const context = await stranger(t);
  const first = await visit(context);
  assert.ok(first.tried > 0);
  const found = await kept(first.page);
  const second = await visit(context);
  assert.equal(second.tried, 0);
  assert.deepEqual(second.tasks, first.tasks);

  const damaged = `${found.slice(0, -1)} q4=int8-1x1 <h1>`;
  await keep(second.page, damaged);
  const third = await visit(context);
  assert.ok(third.tried > 0);
  assert.match(await kept(third.page, damaged), /^q8=[a-z0-9]+-\d+x\d+-\d+$/);
});

test('auto measures both devices while weights arrive, and the next visit takes the faster one at once', async (t) => {
  const context = await stranger(t);
  const first = await choice(context);
  // It is emulated on the CPU, so it is the slower one.
  assert.deepEqual(first.devices, ['gpu', 'cpu']);
  assert.match(first.verdict.device, /2 threads/);
  assert.ok(first.runs > 0);
  assert.equal(first.runsBefore, 0);
  const found = await kept(first.page);
  assert.match(found, /^q8=[a-z0-9]+-\d+x\d+-\d+ q8(-\d+){10}-[\d.]+=cpu$/);

  const second = await choice(context);
  assert.deepEqual([second.devices, second.runs], [['cpu', 'cpu'], 0]);
  assert.match(second.verdict.device, /2 threads/);
  assert.deepEqual(second.verdict.tasks, first.verdict.tasks);

  // What is kept counts, not what would be found.
  const other = found.replace('=cpu', '=gpu');
  await keep(second.page, other);
  const third = await choice(context);
  assert.deepEqual(third.devices, ['gpu', 'gpu']);
  assert.equal(workerOf(third.page, '/thread.js'), undefined);
  assert.equal(await kept(third.page), other);

  for (const damaged of [found.replace('=cpu', '=tpu'), '<h1>=cpu']) {
    await keep(third.page, damaged);
    const { page, devices, runs } = await choice(context);
    assert.deepEqual(devices, ['gpu', 'cpu']);
    assert.ok(runs > 0);
    assert.match(await kept(page, damaged), / q8(-\d+){10}-[\d.]+=cpu\b/);
    await page.close();
  }
});
