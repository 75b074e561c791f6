// Compares memeclip with onnxruntime-web and LiteRT.js in headless Chromium. Prints a table; writes all figures to a JSON file.
//
//   node benches/browser.js [--weights target/bench/full] [--out target/bench/browser.json]
//                               [--gpu] [--only NAME,NAME] [--rounds 3] [--runs 5]
//
// `--weights` is the folder that export.py and export_litert.py write to, with memeclip's packs of the same model in pack-q8
// and pack-q4 (see `run`). `--gpu` measures the WebGPU engines instead of the CPU engines. `--only` takes names of the table.
//
// In each round, every contender gets a fresh page in a process of its own, starts cold, and then runs `--runs` more times.
// Contenders alternate, so that other load on the machine affects all of them. Towers run one after the other, in a Worker.
// One thread is measured on a page that is not cross-origin isolated, all threads on one that is.
//
//   ready          code and weights are fetched from localhost and prepared. memeclip's weights arrive during the first
//                  request: for it, the time to open plus the wait for weights
//   first verdict  from a cold start to the first result
//   warm           every further result: median and minimum over all rounds
//   GF/s           by the median; % of peak by the minimum, relative to the peak of the same instruction (peak.js)
//   memory         highest rise above the empty page (memory.js)
//   code, weights  bytes that the page requests; code also gzipped at level 9, weights as servers send them
//   cosine         of the features to PyTorch's

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { launch } from './chromium.js';
import { rest, watch } from './memory.js';
import { peaks } from './peak.js';
import { serve } from './site.js';
import { cosine, root } from '../tests/browser/harness.js';

const { values: options } = parseArgs({
  options: {
    weights: { type: 'string', default: join(root, 'target/bench/full') },
    out: { type: 'string', default: join(root, 'target/bench/browser.json') },
    gpu: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '5' },
  },
});
const weights = resolve(options.weights);
const meme = JSON.parse(readFileSync(join(weights, 'meme.json')));
const work = meme.operations;

const named = ({ engine, provider, device, dtype }) => `${engine}-${provider ?? device}-${dtype}`;

function contenders() {
  const threads = [...new Set([1, availableParallelism()])];
  const ort = (provider, dtype, threads) => ({ engine: 'ort', provider, dtype, threads });
  const litert = (provider) => (threads) => ({ engine: 'litert', provider, dtype: 'int8', threads });
  const memeclip = (device, dtype, threads) => ({ engine: 'memeclip', device, dtype, threads });
  const onCpu = [
    ...['int8', 'q4', 'f32'].flatMap((dtype) => threads.map((threads) => ort('wasm', dtype, threads))),
    ...threads.map(litert('wasm')),
    ...['q8', 'q4'].flatMap((dtype) => threads.map((threads) => memeclip('cpu', dtype, threads))),
  ].map((contender) => ({ ...contender, name: `${named(contender)}-${contender.threads}` }));
  const onGpu = [
    ...['f32', 'q4'].map((dtype) => ort('webgpu', dtype, 1)),
    litert('webgpu')(1),
    ...['q8', 'q4'].map((dtype) => memeclip('gpu', dtype, 1)),
  ].map((contender) => ({ ...contender, name: named(contender) }));
  const all = options.gpu ? onGpu : onCpu;
  if (!options.only) return all;
  return options.only.split(',').map((name) => {
    const found = all.find((contender) => contender.name === name);
    if (!found) throw new Error(`no contender '${name}'; there are ${all.map(({ name }) => name).join(', ')}`);
    return found;
  });
}

const site = await serve(weights);
const browser = await launch();
async function once(contender) {
  return browser.onPage(contender.threads > 1 ? site.isolated : site.plain, async (page) => {
    site.reset();
    await rest(browser.pid);
    const memory = watch(browser.pid);
    try {
      const found = await page.evaluate(
        async ([contender, meme, runs]) => (await import('/page/engines.js')).measure(contender, meme, runs),
        [contender, meme, Number(options.runs)],
      );
      const { image, text, ...figures } = found;
      const cosines = { image: cosine(image, meme.image_feature), text: cosine(text, meme.text_feature) };
      return { ...figures, memory: memory.stop(), sent: { ...site.sent }, cosines };
    } catch (error) {
      return { error: error.message.split('\n')[0], memory: memory.stop() };
    }
  });
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** The contender's rounds as one row; if a round failed, the row has the first failure only. */
function summary({ name, dtype, threads, provider, device }, rounds, peak) {
  const error = rounds.find((round) => round.error)?.error;
  if (error) return { name, error };
  const warm = rounds.flatMap((round) => round.warm);
  const onCpu = provider === 'wasm' || device === 'cpu';
  const limit = threads * (dtype === 'f32' ? peak.f32 : peak.int8);
  return {
    name,
    device: rounds[0].device,
    ready: median(rounds.map((round) => round.ready)),
    first: median(rounds.map((round) => round.first)),
    median: median(warm),
    minimum: Math.min(...warm),
    speed: work / median(warm) / 1e6,
    ofPeak: onCpu ? work / Math.min(...warm) / 1e6 / limit : undefined,
    memory: median(rounds.map((round) => round.memory)),
    sent: rounds[0].sent,
    cosines: rounds[0].cosines,
  };
}

const columns = {
  contender: (row) => row.name + (row.device ? ` (${row.device})` : ''),
  'ready s': (row) => (row.ready / 1e3).toFixed(2),
  'first verdict s': (row) => (row.first / 1e3).toFixed(2),
  'warm median ms': (row) => row.median.toFixed(0),
  'warm min ms': (row) => row.minimum.toFixed(0),
  'GF/s': (row) => row.speed.toFixed(1),
  '% of peak': (row) => (row.ofPeak === undefined ? '' : (100 * row.ofPeak).toFixed(0)),
  'memory MB': (row) => (row.memory / 1e6).toFixed(0),
  'code KB': (row) => (row.sent.code / 1e3).toFixed(0),
  'gzip KB': (row) => (row.sent.gzip / 1e3).toFixed(0),
  'weights MB': (row) => (row.sent.weights / 1e6).toFixed(0),
  'cosine image': (row) => row.cosines.image.toFixed(6),
  'cosine text': (row) => row.cosines.text.toFixed(6),
};

function table(rows) {
  const lines = [Object.keys(columns), Object.keys(columns).map((_, i) => (i ? '---:' : '---'))];
  const cells = (row) => (row.error ? [row.name, row.error] : Object.values(columns).map((cell) => cell(row)));
  lines.push(...rows.map(cells));
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const measured = new Map(contenders().map((contender) => [contender, []]));
const peak = {};
for (let round = 1; round <= Number(options.rounds); round++) {
  for (const [name, speed] of Object.entries(await browser.onPage(site.plain, peaks))) {
    peak[name] = Math.max(peak[name] ?? 0, speed);
  }
  for (const [contender, rounds] of measured) {
    if (rounds.some(({ error }) => error)) continue;
    const found = await once(contender);
    rounds.push(found);
    const figures = found.error ?? [found.first, ...found.warm].map((ms) => ms.toFixed(0)).join(' ');
    console.error(`round ${round}: ${contender.name}: ${figures}`);
  }
}

const { 'f32x4.relaxed_madd': f32, ...products } = peak;
const int8 = Math.max(...Object.values(products));
const rows = [...measured].map(([contender, rounds]) => summary(contender, rounds, { f32, int8 }));
const machine = {
  cpu: cpus()[0].model,
  threads: availableParallelism(),
  load: loadavg(),
  browser: browser.version,
};
await browser.close();
site.stop();

const speeds = Object.entries(peak).map(([name, speed]) => `${name} ${speed.toFixed(0)}`);
console.log(table(rows));
console.log(`
${(work / 1e9).toFixed(1)} GFLOP a verdict (${meme.ids.length} tokens). Peak of one thread, GOP/s: ${speeds.join(', ')}.
${machine.cpu}, ${machine.threads} threads, load ${machine.load[0].toFixed(1)}; Chromium ${machine.browser}.`);
mkdirSync(dirname(options.out), { recursive: true });
const rounds = [...measured].map(([contender, rounds]) => ({ ...contender, rounds }));
writeFileSync(options.out, JSON.stringify({ machine, work, peak, rows, rounds }, null, 1));
