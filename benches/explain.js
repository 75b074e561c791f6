// Compares the time of an explanation with that of a verdict, in the browser.
//
//   npm ci --prefix tests/browser && node benches/explain.js --weights PACK [--rounds 5] [--device cpu]
//
// The measurements take turns, with the weights loaded and one thread. Prints milliseconds, the median and the minimum of
// the rounds, and their ratio to the verdict's:
//
//   verdict  on a new image and a new text
//   explain  on a new image and a new text
//   again    on the same image with as many other words

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { blank, launch, serve } from '../tests/browser/harness.js';

const { values: options } = parseArgs({
  options: {
    weights: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    device: { type: 'string', default: 'cpu' },
  },
});
const site = await serve(resolve(options.weights));
const browser = await launch();
const { page, open } = await blank(browser, site.origin);
const { info, error } = await open('/weights/', { device: options.device });
if (error) throw new Error(error.message);

/** The times of one round, with texts of `words` words. */
const round = (words) =>
  page.evaluate(async (words) => {
    const picture = () => {
      const data = new ImageData(224, 224);
      for (let at = 0; at < data.data.length; at += 1 << 16) crypto.getRandomValues(data.data.subarray(at, at + (1 << 16)));
      return data;
    };
    // A number of two digits has two tokens, so texts with the same number of words have the same length.
    const text = () => Array.from({ length: words }, () => 10 + Math.floor(90 * Math.random())).join(' ');
    const time = async (method, image) => {
      const start = performance.now();
      await clf[method](image, { text: text() });
      return performance.now() - start;
    };
    const image = picture();
    return {
      verdict: await time('classify', picture()),
      explain: await time('explain', image),
      again: await time('explain', image),
    };
  }, words);

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const minimum = (values) => Math.min(...values);
await round(2);
console.log(`${options.weights} on ${info.device}`);
console.log('| words | | verdict | explain | again |');
console.log('| ---: | --- | ---: | ---: | ---: |');
for (const words of [8, 30]) {
  const rounds = [];
  for (let i = 0; i < Number(options.rounds); i++) rounds.push(await round(words));
  for (const typical of [median, minimum]) {
    const [verdict, ...others] = ['verdict', 'explain', 'again'].map((kind) => typical(rounds.map((times) => times[kind])));
    const cells = others.map((time) => `${time.toFixed(0)} ms, ${(time / verdict).toFixed(2)}`);
    console.log(`| ${words} | ${typical.name} | ${verdict.toFixed(0)} ms | ${cells.join(' | ')} |`);
  }
}
await browser.close();
site.stop();
