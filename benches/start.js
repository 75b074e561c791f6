// Measures the time from a cold start to the first verdict at several bandwidths: do download and computation overlap?
//
//   npm ci --prefix tests/browser && node benches/start.js --weights PACK [--rounds 3] [--factors 0.25,1,4]
//                                                             [--device cpu]
//
// The server limits the bandwidth of all connections together. `--factors` gives the time to download the weights relative
// to the time to compute. Each run has a new browser context, so nothing is cached. Prints milliseconds, the medians of the
// rounds:
//
//   first     from the import of memeclip.js to the verdict
//   download  fetching the same bytes (code, manifest, weights) alone, at the same bandwidth
//   compute   a request with another image and a text of the same length, after the weights are loaded
//   ratio     first / max(download, compute): 1 is the ideal
//   next      like first, on the next visit: the weights come from the browser's cache
//   memory    highest rise above the empty page (memory.js) until the second verdict, relative to the bytes of the weights

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { launch } from './chromium.js';
import { rest, watch } from './memory.js';
import { fileAt, manifest, picture } from '../tests/browser/harness.js';

const { values: options } = parseArgs({
  options: {
    weights: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    factors: { type: 'string', default: '0.25,1,4' },
    device: { type: 'string', default: 'cpu' },
  },
});
const weights = resolve(options.weights);
const image = picture('exact.png').toString('base64');

const kinds = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };
/** Bytes per millisecond; when the connection is free again; the paths that were requested. */
let rate = Infinity;
let free = 0;
let sent = new Set();
const server = createServer(async (request, response) => {
  const path = request.url;
  const file = fileAt(path, weights);
  const empty = path === '/blank.html';
  if (!empty && !existsSync(file)) return response.writeHead(404).end();
  const size = empty ? 0 : statSync(file).size;
  sent.add(path);
  response.writeHead(200, { 'content-type': kinds[extname(path)] ?? 'application/octet-stream', 'content-length': size });
  let drained = () => {};
  for (const event of ['drain', 'close']) response.on(event, () => drained());
  for await (const chunk of empty ? [] : createReadStream(file, { highWaterMark: 1 << 14 })) {
    // A late timer does not lower the bandwidth.
    free = Math.max(free, performance.now() - 20) + chunk.length / rate;
    const wait = free - performance.now();
    if (wait > 1) await new Promise((over) => setTimeout(over, wait));
    if (response.destroyed) return;
    if (!response.write(chunk)) await new Promise((over) => (drained = over));
  }
  response.end();
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const origin = `http://localhost:${server.address().port}`;

const browser = await launch();

const blank = `${origin}/blank.html`;

/** On the page: the milliseconds of its first verdict and of another one. */
async function visit([image, device]) {
  const bytes = Uint8Array.from(atob(image), (c) => c.charCodeAt(0));
  const request = { text: 'when you see it' };
  const start = performance.now();
  const { MemeClip } = await import('/memeclip/memeclip.js');
  const clf = await MemeClip.load('/weights/', { device });
  await clf.classify(bytes, request);
  const first = performance.now() - start;
  // The classifier's cache must not know the image or the text.
  const other = new ImageData(224, 224);
  const { timings } = await clf.classify(other, { text: 'when you saw it' });
  return { first, compute: timings.total };
}

/** On the page: milliseconds to download the files alone, six at a time as a browser does. */
async function download(files) {
  const start = performance.now();
  const next = async () => {
    for (let file; (file = files.shift()); ) await (await fetch(file, { cache: 'no-store' })).blob();
  };
  await Promise.all(Array.from({ length: 6 }, next));
  return performance.now() - start;
}

/** On the page: waits until the cache holds more than so many files; fails after a minute. */
async function stored(count) {
  const end = performance.now() + 60_000;
  const kept = async () => {
    const [name] = await caches.keys();
    return name ? (await (await caches.open(name)).keys()).length : 0;
  };
  while ((await kept()) <= count) {
    if (performance.now() > end) throw new Error(`the cache has ${await kept()} files, not more than ${count}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** One run of everything, at a bandwidth in bytes per millisecond. */
async function round(bandwidth) {
  rate = bandwidth;
  sent = new Set();
  const visits = await browser.onPage(blank, async (page) => {
    await rest(browser.pid);
    const memory = watch(browser.pid);
    const found = await page.evaluate(visit, [image, options.device]);
    const peak = memory.stop();
    await page.evaluate(stored, shards.length);
    await page.open(blank);
    const { first: next } = await page.evaluate(visit, [image, options.device]);
    return { ...found, next, memory: peak };
  });
  const files = [...sent].filter((path) => path !== '/blank.html');
  return { ...visits, download: await browser.onPage(blank, (page) => page.evaluate(download, files)) };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const needed = Object.entries(manifest(weights).components).flatMap(([name, component]) => (['prompts', 'ocr', 'ocr-small', 'golden'].includes(name) ? [] : component));
const shards = needed.flatMap(({ shards }) => shards);
const bytes = shards.reduce((sum, { bytes }) => sum + bytes, 0);

const { compute } = await round(Infinity);
const rows = new Map(options.factors.split(',').map((factor) => [bytes / (Number(factor) * compute), []]));
for (let i = 0; i < Number(options.rounds); i++) {
  for (const [bandwidth, results] of rows) results.push(await round(bandwidth));
}
console.log(`${weights}: ${(bytes / 1e6).toFixed(1)} MB, device ${options.device}`);
console.log('|  MB/s | first | download | compute | ratio | least |  next | memory |');
console.log('| ----: | ----: | -------: | ------: | ----: | ----: | ----: | -----: |');
for (const [bandwidth, results] of rows) {
  const ratios = results.map(({ first, download, compute }) => first / Math.max(download, compute));
  const [first, download, compute, next] = ['first', 'download', 'compute', 'next']
    .map((key) => median(results.map((result) => result[key])).toFixed(0));
  const memory = (median(results.map(({ memory }) => memory)) / bytes).toFixed(2);
  const cells = [(bandwidth / 1000).toFixed(1), first, download, compute, median(ratios).toFixed(2), Math.min(...ratios).toFixed(2), next, memory];
  console.log(`| ${cells.map((cell, i) => cell.padStart([5, 5, 8, 7, 5, 5, 5, 6][i])).join(' | ')} |`);
}
await browser.close();
server.close();
