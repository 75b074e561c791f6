// Compares what MemeClip.support() promises with what verdicts take, in the browser.
//
//   npm ci --prefix tests/browser && node benches/probe.js PACK... [--rounds 5] [--device cpu]
//
// The packs take turns. In each round a fresh page asks `support` for the speed, loads the pack, gives one verdict that does
// not count, and then two on new images and texts. Prints for each pack what a first visit downloads, seconds of the probe and
// of verdicts, median and minimum, and the median of the rounds' ratios.

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { empty, launch, serve } from '../tests/browser/harness.js';

const { values: options, positionals: packs } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    device: { type: 'string', default: 'cpu' },
  },
});

/** Runs in a page. */
async function measure(device) {
  const { MemeClip } = await import('/memeclip/memeclip.js');
  const { load, speed } = await MemeClip.support({ weights: '/weights/', probe: device });
  const clf = await MemeClip.load('/weights/', { device });
  const verdict = async () => {
    const image = new ImageData(224, 224);
    for (let at = 0; at < image.data.length; at += 1 << 16) crypto.getRandomValues(image.data.subarray(at, at + (1 << 16)));
    const text = Array.from({ length: 4 }, () => 10 + Math.floor(90 * Math.random())).join(' ');
    return (await clf.classify(image, { text })).timings.compute / 1000;
  };
  await verdict();
  const times = [await verdict(), await verdict()];
  clf.dispose();
  return { bytes: load.bytes, device: speed.device, probe: speed.seconds, times };
}

const all = packs.map(() => []);
const browser = await launch();
for (let round = 0; round < Number(options.rounds); round++) {
  for (const [i, pack] of packs.entries()) {
    const site = await serve(resolve(pack));
    const page = await empty(browser, site.origin, { isolated: true });
    all[i].push(await page.evaluate(measure, options.device));
    await page.close();
    site.stop();
  }
}
await browser.close();

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const typical = (values) => `${median(values).toFixed(3)}, ${Math.min(...values).toFixed(3)} s`;
console.log('| pack | device | weights | probe | verdict | probe / verdict |');
console.log('| --- | --- | ---: | ---: | ---: | ---: |');
for (const [i, rounds] of all.entries()) {
  const [{ bytes, device }] = rounds;
  const ratio = median(rounds.map(({ probe, times }) => probe / median(times)));
  const cells = [`${(bytes / 1e6).toFixed(1)} MB`, typical(rounds.map(({ probe }) => probe)), typical(rounds.flatMap(({ times }) => times))];
  console.log(`| ${packs[i]} | ${device} | ${cells.join(' | ')} | ${ratio.toFixed(2)} |`);
}
