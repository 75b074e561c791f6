// Each fault of the table happens: a typed error or a recovery, in time; no half-written cache entry; and the next
// request gets its verdict.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { faults, table } from './faults.js';
import { blank, launch, pack, picture, root, serve, workerOf } from './harness.js';

/** Milliseconds in which anything has to end. */
const END = 60_000;
const image = picture('exact.png');
const request = { text: 'hello' };
let weights, newer, browser;
/** Verdicts of an undisturbed page, by device and pack. */
const undisturbed = {};

before(async () => {
  [weights, newer] = [pack('tiny', 'q8'), pack('tiny', 'q4')];
  browser = await launch();
  for (const device of ['cpu', 'gpu']) undisturbed[device] = await verdict(weights, device);
  undisturbed.newer = await verdict(newer, 'cpu');
});
after(() => browser?.close());

async function verdict(weights, device) {
  const site = await serve(weights);
  const context = await browser.newContext();
  const { open, run } = await blank(browser, site.origin, context);
  await open('/weights/', { device });
  const { verdict } = await run(image, request);
  await context.close();
  site.stop();
  return verdict.tasks;
}

test('the table is up to date', () => {
  assert.equal(readFileSync(join(root, 'tests/browser/faults.md'), 'utf8'), table(), 'run node tests/browser/faults.js');
});

// Most of them wait, the GPU's compute.
describe('faults', { concurrency: 2 }, () => {
  for (const [name, rows] of Object.entries(faults)) {
    describe(name, () => {
      for (const row of rows) test(`${row.fault} (${row.when}, ${row.device ?? 'cpu'})`, () => happens(row));
    });
  }
});

async function happens({ when, device = 'cpu', fresh, before = () => {}, act, ask, outcome, notice, keep, verdict, next, reads, disposed }) {
  const own = fresh ? await launch() : browser;
  const site = await serve(weights);
  const context = await own.newContext();
  const isolated = device.includes('threads');
  const options = isolated ? { device: 'cpu', threads: 2 } : { device };
  const tab = () => blank(own, site.origin, context, { isolated });
  try {
    const bench = { browser: own, context, site, weights, newer, tab, others: [], ...(await tab()) };
    const errors = [];
    const watch = (page) => page.on('pageerror', (error) => errors.push(error));
    watch(bench.page);
    bench.worker = (path) => workerOf(bench.page, path);
    bench.leave = async () => {
      await bench.page.goto('about:blank');
      Object.assign(bench, await tab());
      watch(bench.page);
      await bench.open('/weights/', options);
    };
    const open = () => inTime(bench.open('/weights/', options));
    const requested = () => inTime(bench.run(image, request));

    await before(bench);
    if (when === 'load') await act(bench);
    let opened = await open();
    if (when === 'weights') await act(bench);
    if (when === 'request' || when === 'visit') {
      await requested();
      await act(bench);
    }
    if (when === 'visit') opened = await open();
    const answer = opened.error ? opened : await inTime(ask?.(bench) ?? bench.run(image, request));
    for (const other of await inTime(Promise.all(bench.others))) assert.equal(other?.error, undefined);

    assert.equal(answer.error?.code ?? 'recovers', outcome, answer.error?.message);
    if (answer.error) assert.ok(answer.error.message.endsWith(answer.error.remedy));
    if (answer.verdict) right(answer.verdict, verdict);
    if (notice) assert.match(answer.verdict.notice, notice);
    else assert.equal(answer.verdict?.notice, undefined);

    if (!keep) site.fault = () => false;
    site.scripts = {};
    site.drop();
    // What comes next may take its time.
    await bench.page.evaluate(() => void (self.unhurried = true));
    if (opened.error || disposed) assert.equal((await open()).error, undefined);
    const { verdict: served, error } = await requested();
    assert.equal(error, undefined);
    right(served, next);
    if (reads) assert.equal((await inTime(bench.run(image))).error, undefined);
    // A crash is heard.
    if (outcome !== 'internal') assert.deepEqual(errors, []);
    assert.deepEqual(await bench.page.evaluate(torn), []);
  } finally {
    await context.close();
    site.stop();
    if (fresh) await own.close();
  }
}

function right({ tasks, device }, pack) {
  assert.deepEqual(tasks, undisturbed[pack ?? device.slice(0, 3)]);
}

/** Nothing hangs. */
async function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(reject, END, new Error('no end'))));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The cache's entries that are not what their keys say. */
async function torn() {
  const torn = [];
  for (const name of (await caches.keys()).filter((name) => name.startsWith('memeclip http'))) {
    const cache = await caches.open(name);
    for (const entry of await cache.keys()) {
      const key = entry.url.split('/').at(-1);
      const bytes = await (await cache.match(entry)).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex();
      if (key === 'manifest.json' ? !JSON.parse(new TextDecoder().decode(bytes)).components : key !== hash) torn.push(key);
    }
  }
  return torn;
}
