// Compares memeclip, tesseract.js and onnxruntime-web in reading memes, in one headless Chromium, with one thread, in turns.
//
//   python tests/ocr/memes.py target/bench/memes      (see there for its dependencies)
//   npm ci --prefix benches
//   node benches/ocr.js [--limit 20]
//
// Errors are edits per character (CER) and per word (WER) of the drawn text, ignoring case as CLIP does. Milliseconds are
// those of a meme after loading, including its decoding: median and mean.
//
// tesseract.js reads with page segmentation 11 (sparse text) and with 3, its default. onnxruntime-web runs the same two
// networks as memeclip at the same sizes: the detector once, and the recogniser for each line that memeclip finds. Its time
// excludes the steps between the networks; its errors would be those of memeclip.
/* global contend */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, root, serve } from '../tests/browser/harness.js';

const { values: options } = parseArgs({
  options: { memes: { type: 'string', default: join(root, 'target/bench/memes') }, limit: { type: 'string', default: '1000' } },
});
const memes = JSON.parse(readFileSync(join(options.memes, 'captions.json'))).filter(({ kind }) => kind !== 'cyrillic');
const chosen = memes.filter((_, i) => i % Math.ceil(memes.length / options.limit) === 0);
const modules = join(root, 'benches/node_modules');

const site = await serve(join(root, 'weights/default'));
const browser = await launch();
const context = await browser.newContext();
const folders = { memes: options.memes, networks: join(root, 'weights/ocr'), modules };
await context.route(`${site.origin}/bench/**`, (route) => {
  const [folder, ...rest] = new URL(route.request().url()).pathname.split('/').slice(2);
  return folder ? route.fulfill({ path: join(folders[folder], ...rest) }) : route.fulfill({ body: '<!doctype html>', contentType: 'text/html' });
});
const page = await context.newPage();
await page.goto(`${site.origin}/bench/`);
await page.evaluate(prepare);

const contenders = ['memeclip', 'onnxruntime-web', 'tesseract.js, 11', 'tesseract.js, 3'];
const results = new Map(contenders.map((name) => [name, { times: [], kinds: new Map() }]));
for (const [i, { file, kind, lines }] of [chosen[0], ...chosen].entries()) {
  for (const [name, { times, kinds }] of results) {
    const { text, ms } = await page.evaluate(([name, file]) => contend(name, file), [name, file]);
    // The first meme is a warm-up.
    if (i === 0) continue;
    times.push(ms);
    if (text === undefined) continue;
    const [truth, found] = [lines.join(' '), text].map((text) => text.trim().toLowerCase().replace(/\s+/g, ' '));
    const of = (split) => [distance(split(truth), split(found)), split(truth).length];
    const errors = [of((text) => [...text]), of((text) => [...text.replaceAll(' ', '')]), of((text) => text.split(' '))];
    for (const key of [kind, 'all']) {
      const sums = kinds.get(key) ?? errors.map(() => [0, 0]);
      kinds.set(key, sums.map(([edits, length], i) => [edits + errors[i][0], length + errors[i][1]]));
    }
  }
}
await browser.close();
site.stop();

const kinds = [...new Set(chosen.map(({ kind }) => kind)), 'all'];
console.log(`${chosen.length} memes: CER (of it ignoring spaces), WER; milliseconds a meme\n`);
console.log(`| | ${kinds.join(' | ')} | median | mean |`);
console.log(`| --- |${kinds.map(() => ' --- |').join('')} ---: | ---: |`);
for (const [name, { times, kinds: sums }] of results) {
  const percent = ([edits, length]) => `${((100 * edits) / length).toFixed(1)} %`;
  const cells = kinds.map((kind) => {
    const [characters, letters, words] = sums.get(kind) ?? [];
    return characters ? `${percent(characters)} (${percent(letters)}), ${percent(words)}` : '';
  });
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
  const mean = times.reduce((sum, ms) => sum + ms) / times.length;
  console.log(`| ${name} | ${cells.join(' | ')} | ${median.toFixed(0)} ms | ${mean.toFixed(0)} ms |`);
}

/** Runs on the page: loads the contenders, and defines `contend`, which runs one of them. */
async function prepare() {
  const { MemeClip } = await import('/memeclip/memeclip.js');
  const clf = await MemeClip.load('/weights/', { device: 'cpu' });

  const ort = await import('/bench/modules/onnxruntime-web/dist/ort.wasm.min.mjs');
  ort.env.wasm.numThreads = 1;
  const open = (name) => ort.InferenceSession.create(`/bench/networks/${name}.onnx`, { executionProviders: ['wasm'] });
  const [detector, recogniser] = [await open('detector'), await open('recogniser')];
  const run = (session, height, width) => {
    const input = new ort.Tensor('float32', new Float32Array(3 * height * width).fill(0.1), [1, 3, height, width]);
    return session.run({ [session.inputNames[0]]: input });
  };

  const { default: Tesseract } = await import('/bench/modules/tesseract.js/dist/tesseract.esm.min.js');
  const here = `${location.origin}/bench/modules`;
  const tesseract = await Tesseract.createWorker('eng', 1, {
    workerPath: `${here}/tesseract.js/dist/worker.min.js`,
    corePath: `${here}/tesseract.js-core`,
    langPath: `${here}/@tesseract.js-data/eng/4.0.0_best_int`,
    workerBlobURL: false,
    cacheMethod: 'none',
  });

  /** By file: the size of the image, and memeclip's lines. */
  const found = new Map();
  const tasks = {
    async memeclip(blob, file) {
      const reading = await clf.read(blob);
      found.set(file, reading.lines);
      return reading.text;
    },
    async 'onnxruntime-web'(blob, file) {
      const { width, height } = await createImageBitmap(blob);
      const scale = Math.min(1, 512 / Math.max(width, height));
      const side = (pixels) => 32 * Math.max(1, Math.round((pixels * scale) / 32));
      await run(detector, side(height), side(width));
      for (const { box: [a, b, , d] } of found.get(file)) {
        const long = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
        await run(recogniser, 48, Math.ceil((48 * long(a, b)) / long(a, d)));
      }
    },
    async 'tesseract.js, 11'(blob) {
      await tesseract.setParameters({ tessedit_pageseg_mode: '11' });
      return (await tesseract.recognize(blob)).data.text;
    },
    async 'tesseract.js, 3'(blob) {
      await tesseract.setParameters({ tessedit_pageseg_mode: '3' });
      return (await tesseract.recognize(blob)).data.text;
    },
  };
  globalThis.contend = async (name, file) => {
    const blob = await (await fetch(`/bench/memes/${file}`)).blob();
    const start = performance.now();
    const text = await tasks[name](blob, file);
    return { text, ms: performance.now() - start };
  };
}

/** Levenshtein distance. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, x] of a.entries()) {
    const next = [i + 1];
    for (const [j, y] of b.entries()) next.push(Math.min(row[j] + (x !== y), row[j + 1] + 1, next[j] + 1));
    row = next;
  }
  return row[b.length];
}
