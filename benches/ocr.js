// Compares memeclip, tesseract.js and onnxruntime-web in reading memes, in one headless Chromium, with one thread, in turns.
//
//   python tests/ocr/memes.py target/bench/memes      (see there for its dependencies)
//   npm ci --prefix benches
//   node benches/ocr.js [--memes FOLDER] [--limit 20] [--rounds 3] [--out FOLDER]
//
// A folder of images with `captions.json`, as memes.py draws them, gives errors too: edits per character (CER) and per word
// (WER) of the drawn text, ignoring case as CLIP does. For other images, `--out` writes what each contender reads, one JSON
// object a line as `memeclip read --json` prints them.
//
// Milliseconds are those of a meme after loading, including its decoding: the median of all readings, and the median of each
// meme's fastest. The ratio is the contender's time to memeclip's, the median of all memes' fastest: above 1, memeclip is
// faster.
//
// tesseract.js reads with page segmentation 11 (sparse text) and with 3, its default. onnxruntime-web runs memeclip's networks
// at the same sizes: the detector for one or two looks, the tiny recogniser on the lines that memeclip returns, and the small
// one where the tiny one is unsure. It is spared the lines that memeclip drops, and the steps between the networks; its
// errors would be those of memeclip.
/* global contend */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, root, serve } from '../tests/browser/harness.js';

const { values: options } = parseArgs({
  options: {
    memes: { type: 'string', default: join(root, 'target/bench/memes') },
    limit: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const captions = join(options.memes, 'captions.json');
const images = () => readdirSync(options.memes).filter((file) => /\.(jpe?g|png|webp|gif)$/i.test(file));
/** File, and where the text is known the kind of meme and its lines. */
const memes = existsSync(captions)
  ? JSON.parse(readFileSync(captions)).filter(({ kind }) => kind !== 'cyrillic')
  : images().map((file) => ({ file }));
const chosen = memes.filter((_, i) => i % Math.ceil(memes.length / options.limit) === 0);
const modules = join(root, 'benches/node_modules');

const site = await serve(join(root, 'weights/default'));
const browser = await launch();
const context = await browser.newContext();
const folders = { memes: options.memes, networks: join(root, 'weights/ocr'), modules };
await context.route(`${site.origin}/bench/**`, (route) => {
  const [folder, ...rest] = new URL(route.request().url()).pathname.split('/').slice(2).map(decodeURIComponent);
  return folder ? route.fulfill({ path: join(folders[folder], ...rest) }) : route.fulfill({ body: '<!doctype html>', contentType: 'text/html' });
});
const page = await context.newPage();
await page.goto(`${site.origin}/bench/`);
await page.evaluate(prepare);

const contenders = ['memeclip', 'onnxruntime-web', 'tesseract.js, 11', 'tesseract.js, 3'];
/** By contender: the times of each meme, what it reads in the last round, and edits and lengths of each kind of meme. */
const results = new Map(contenders.map((name) => [name, { times: new Map(), readings: new Map(), kinds: new Map() }]));
// The first meme is a warm-up.
await each([chosen[0]], () => {});
for (let round = 0; round < options.rounds; round++) {
  await each(chosen, (name, { file }, { lines, ms }) => {
    const { times, readings } = results.get(name);
    times.set(file, [...(times.get(file) ?? []), ms]);
    if (lines) readings.set(file, lines);
  });
}
await browser.close();
site.stop();

for (const [name, { readings, kinds }] of results) {
  if (options.out && readings.size > 0) {
    mkdirSync(options.out, { recursive: true });
    const reading = (lines) => ({ text: lines.join(' '), lines: lines.map((text) => ({ text })) });
    const rows = [...readings].map(([image, lines]) => JSON.stringify({ image, ...reading(lines) }));
    writeFileSync(join(options.out, `${name.replace(/\W+/g, '-')}.jsonl`), `${rows.join('\n')}\n`);
  }
  for (const { file, kind, lines } of chosen.filter(({ file, lines }) => lines && readings.has(file))) {
    const [truth, found] = [lines, readings.get(file)].map((lines) => lines.join(' ').trim().toLowerCase().replace(/\s+/g, ' '));
    const of = (split) => [distance(split(truth), split(found)), split(truth).length];
    const errors = [of((text) => [...text]), of((text) => [...text.replaceAll(' ', '')]), of((text) => text.split(' '))];
    for (const key of [kind, 'all']) {
      const sums = kinds.get(key) ?? errors.map(() => [0, 0]);
      kinds.set(key, sums.map(([edits, length], i) => [edits + errors[i][0], length + errors[i][1]]));
    }
  }
}

const kinds = existsSync(captions) ? [...new Set(chosen.map(({ kind }) => kind)), 'all'] : [];
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const fastest = ({ times }) => [...times.values()].map((ms) => Math.min(...ms));
const ours = fastest(results.get('memeclip'));
console.log(`${chosen.length} memes, ${options.rounds} rounds${kinds.length > 0 ? '; CER (of it ignoring spaces), WER' : ''}\n`);
console.log(`| | ${kinds.map((kind) => `${kind} | `).join('')}median | of the fastest | ratio |`);
console.log(`| --- |${kinds.map(() => ' --- |').join('')} ---: | ---: | ---: |`);
for (const [name, result] of results) {
  const percent = ([edits, length]) => `${((100 * edits) / length).toFixed(1)} %`;
  const cells = kinds.map((kind) => {
    const [characters, letters, words] = result.kinds.get(kind) ?? [];
    return characters ? `${percent(characters)} (${percent(letters)}), ${percent(words)} | ` : ' | ';
  });
  const times = [median([...result.times.values()].flat()), median(fastest(result))].map((ms) => `${ms.toFixed(0)} ms`);
  const ratio = median(fastest(result).map((ms, i) => ms / ours[i]));
  console.log(`| ${name} | ${cells.join('')}${times.join(' | ')} | ${ratio.toFixed(2)} |`);
}

/** Has all contenders read each meme in turns. */
async function each(memes, then) {
  for (const meme of memes) {
    for (const name of contenders) then(name, meme, await page.evaluate(([name, file]) => contend(name, file), [name, meme.file]));
  }
}

/** Runs on the page: loads the contenders, and defines `contend`, which runs one of them. */
async function prepare() {
  const { MemeClip } = await import('/memeclip/memeclip.js');
  const clf = await MemeClip.load('/weights/', { device: 'cpu', threads: 1 });

  const ort = await import('/bench/modules/onnxruntime-web/dist/ort.wasm.min.mjs');
  ort.env.wasm.numThreads = 1;
  const open = (name) => ort.InferenceSession.create(`/bench/networks/${name}.onnx`, { executionProviders: ['wasm'] });
  const [detector, tiny, small] = [await open('detector'), await open('recogniser'), await open('recogniser-small')];
  const run = async (session, data, height, width) => {
    const output = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', data, [1, 3, height, width]) });
    return output[session.outputNames[0]];
  };
  /** The detector's time does not depend on what it sees. */
  const detect = (image, scale) => {
    const [height, width] = [image.height, image.width].map((pixels) => 32 * Math.max(1, Math.round((pixels * scale) / 32)));
    return run(detector, new Float32Array(3 * height * width).fill(0.1), height, width);
  };
  const length = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
  /** A line as the recognisers take it: 48 pixels high, blue, green and red. */
  const crop = (image, [a, b, , d]) => {
    const width = Math.min(Math.max(Math.ceil((48 * length(a, b)) / length(a, d)), 16), 3200);
    const context = new OffscreenCanvas(width, 48).getContext('2d');
    const [across, down] = [[b, width], [d, 48]].map(([p, pixels]) => [(p[0] - a[0]) / pixels, (p[1] - a[1]) / pixels]);
    context.setTransform(new DOMMatrix([...across, ...down, ...a]).inverse());
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, 48);
    const pixels = new Float32Array(3 * 48 * width);
    for (let i = 0; i < 48 * width; i++) for (let c = 0; c < 3; c++) pixels[c * 48 * width + i] = data[4 * i + 2 - c] / 127.5 - 1;
    return [pixels, 48, width];
  };
  /** The mean probability of the characters, as in src/ocr/ctc.rs. */
  const confidence = ({ data, dims: [, columns, classes] }) => {
    let [last, sum, count] = [0, 0, 0];
    for (let column = 0; column < columns; column++) {
      const row = data.subarray(column * classes, (column + 1) * classes);
      const probability = row.reduce((a, b) => Math.max(a, b));
      const best = row.indexOf(probability);
      if (best !== 0 && best !== last && best !== classes - 1) [sum, count] = [sum + probability, count + 1];
      last = best;
    }
    return sum / Math.max(count, 1);
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

  /** By file: the boxes of memeclip's lines. */
  const boxes = new Map();
  const tasks = {
    async memeclip(blob, file) {
      const { lines } = await clf.read(blob);
      boxes.set(file, lines.map(({ box }) => box));
      return lines.map(({ text }) => text);
    },
    /** The sizes are those of src/ocr/detector.rs. */
    async 'onnxruntime-web'(blob, file) {
      const image = await createImageBitmap(blob);
      const [short, long] = [image.width, image.height].sort((a, b) => a - b);
      if (long > 2 * short) await detect(image, Math.max(Math.min(1, 640 / short), 736 / long));
      else {
        const scale = Math.min(1, 512 / long);
        await detect(image, scale);
        const heights = boxes.get(file).map(([a, , , d]) => scale * length(a, d)).sort((a, b) => a - b);
        if (!(heights[heights.length >> 1] >= 22)) await detect(image, 736 / long);
      }
      for (const box of boxes.get(file)) {
        const line = crop(image, box);
        // `UNSURE` in src/ocr/mod.rs.
        const sure = confidence(await run(tiny, ...line));
        if (sure >= 0.6 && sure < 0.98) await run(small, ...line);
      }
    },
    async 'tesseract.js, 11'(blob) {
      await tesseract.setParameters({ tessedit_pageseg_mode: '11' });
      return (await tesseract.recognize(blob)).data.text.split('\n');
    },
    async 'tesseract.js, 3'(blob) {
      await tesseract.setParameters({ tessedit_pageseg_mode: '3' });
      return (await tesseract.recognize(blob)).data.text.split('\n');
    },
  };
  globalThis.contend = async (name, file) => {
    const blob = await (await fetch(`/bench/memes/${encodeURIComponent(file)}`)).blob();
    const start = performance.now();
    const lines = await tasks[name](blob, file);
    return { lines, ms: performance.now() - start };
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
