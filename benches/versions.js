// Compares two versions of the npm package: verdicts of the same pack on the CPU engine with one thread, in Chromium.
//
//   npm ci --prefix tests/browser && node benches/versions.js OLD NEW PACK [--rounds 3] [--runs 5]
//
// OLD and NEW are folders with memeclip.js and the built `pkg`. In each round both get a fresh browser, in turns. Prints the
// median and the minimum of the warm verdicts in milliseconds, and whether both give the same bits. Exits with 1 if not.

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { empty, launch, listen, send } from '../tests/browser/harness.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, runs: { type: 'string', default: '5' } },
});
if (positionals.length !== 3) throw new Error('usage: node benches/versions.js OLD NEW PACK [--rounds 3] [--runs 5]');
const [old, now, pack] = positionals.map((folder) => resolve(folder));
const folders = { old, new: now, pack };

const site = await listen((request, response) => {
  const [, folder, ...rest] = request.url.split('?')[0].split('/');
  send(join(folders[folder] ?? '/absent', ...rest), response, request);
});

/** Verdicts of noise, so that no result comes from a cache. The features are those of the first. */
async function measure([version, runs]) {
  const { MemeClip } = await import(`/${version}/memeclip.js`);
  const clf = await MemeClip.load('/pack/', { device: 'cpu', threads: 1, tasks: ['hate'] });
  const image = new ImageData(320, 320);
  const times = [];
  let features;
  for (let n = 0; n <= runs; n++) {
    image.data.forEach((_, i) => (image.data[i] = i % 4 === 3 ? 255 : Math.imul(i + n, 2654435761) >>> 24));
    const start = performance.now();
    const verdict = await clf.classify(image, { text: `one does not simply walk into mordor ${n}`, features: true });
    times.push(performance.now() - start);
    features ??= [...verdict.features.image, ...verdict.features.text];
  }
  clf.dispose();
  return { warm: times.slice(1), features };
}

const found = { old: [], new: [] };
for (let round = 0; round < Number(options.rounds); round++) {
  for (const version of round % 2 ? ['new', 'old'] : ['old', 'new']) {
    const browser = await launch();
    const page = await empty(browser, site.origin);
    found[version].push(await page.evaluate(measure, [version, Number(options.runs)]));
    await browser.close();
  }
}
site.stop();

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const warm = (version) => found[version].flatMap(({ warm }) => warm);
for (const version of ['old', 'new']) {
  console.log(`${version}: median ${median(warm(version)).toFixed(0)} ms, minimum ${Math.min(...warm(version)).toFixed(0)} ms`);
}
console.log(`old / new: ${(median(warm('old')) / median(warm('new'))).toFixed(2)}`);
const bits = new Set([...found.old, ...found.new].map(({ features }) => JSON.stringify(features)));
console.log(bits.size === 1 ? 'the same bits' : 'different features');
process.exitCode = bits.size === 1 ? 0 : 1;
