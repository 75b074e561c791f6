// Time and memory of the worst inputs that are not refused, in the browser, on one thread.
//
//   npm ci --prefix tests/browser && node benches/bounds.js [--weights PACK]
//
// Prints the seconds until the verdict, and how far the memory of the page's process rose (see memory.js). The weights are
// loaded before.
/* global words */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';
import { root, serve } from '../tests/browser/harness.js';
import { launch } from './chromium.js';
import { rest, watch } from './memory.js';

const { values: options } = parseArgs({ options: { weights: { type: 'string', default: `${root}/weights/default` } } });

/** A grey PNG with the values `level(x, y)`. */
function png(width, height, level) {
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = level(x, y);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const chunk = (type, data) => {
    const bytes = Buffer.alloc(data.length + 12);
    bytes.writeUInt32BE(data.length, 0);
    bytes.write(type, 4, 'latin1');
    data.copy(bytes, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, data.length + 8)), data.length + 8);
    return bytes;
  };
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 1 })), chunk('IEND', Buffer.alloc(0))]);
}

const dots = (x, y) => (x % 12 < 6 && y % 12 < 6 ? 0 : 255);
const bars = (x, y) => (y % 16 < 8 && (x * 2654435761) % 7 < 4 ? 0 : 255);
const images = {
  ordinary: png(600, 600, dots),
  large: png(8192, 8192, () => 128),
  long: png(16384, 4096, dots),
  dots: png(1024, 1024, dots),
  bars: png(8192, 8192, bars),
};
const most = 64 << 10;
const texts = {
  ordinary: 'when you see it',
  'one word': 'a'.repeat(most),
  entities: `&${'amp;'.repeat(most / 4 - 1)}`,
  marks: `a${'\u0301\u0323'.repeat(most / 4 - 1)}`,
  signs: '👍🏽'.repeat(most / 8),
};
const cases = [
  ...Object.keys(images).map((image) => [image, 'ordinary']),
  ...Object.keys(texts).map((text) => ['ordinary', text]),
  ...[...Object.keys(images), 'words'].map((image) => [image, undefined]),
];

const site = await serve(resolve(options.weights), (file, response) => {
  const image = images[/(\w+)\.png$/.exec(file)?.[1]];
  if (image) response.writeHead(200, { 'content-type': 'image/png' }).end(image);
  return image;
});
const browser = await launch();
await browser.onPage(`${site.origin}/weights/manifest.json`, async ({ evaluate }) => {
  await evaluate(async (url) => {
    const { MemeClip } = await import('/memeclip/memeclip.js');
    globalThis.clf = await MemeClip.load(url, { device: 'cpu', threads: 1 });
    // More text than any meme has.
    const canvas = new OffscreenCanvas(1600, 1600);
    const context = canvas.getContext('2d');
    context.fillStyle = 'white';
    context.fillRect(0, 0, 1600, 1600);
    context.fillStyle = 'black';
    context.font = '20px sans-serif';
    for (let y = 0; y < 40; y++) for (let x = 0; x < 8; x++) context.fillText(`when ${x} cats ${y}`, 200 * x + 10, 40 * y + 30);
    globalThis.words = await canvas.convertToBlob();
  }, '/weights/');
  const ask = (image, text) =>
    evaluate(async ([url, text]) => {
      const start = performance.now();
      const image = url.includes('words') ? words : await (await fetch(url)).blob();
      // JSON turns undefined into null.
      const { reading } = await clf.classify(image, { text: text ?? undefined });
      return { seconds: (performance.now() - start) / 1000, lines: reading?.lines.length };
    }, [`/weights/${image}.png`, text]);
  await ask('ordinary');
  console.log('| image | text | seconds | memory, MB | lines read |');
  console.log('| --- | --- | ---: | ---: | ---: |');
  for (const [image, text] of cases) {
    await rest(browser.pid);
    const memory = watch(browser.pid);
    const { seconds, lines = '' } = await ask(image, texts[text]);
    const rise = (memory.stop() / 1e6).toFixed(0);
    console.log(`| ${image} | ${text ?? 'read from the image'} | ${seconds.toFixed(2)} | ${rise} | ${lines} |`);
  }
});
await browser.close();
site.stop();
