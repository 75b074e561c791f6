/** @import { MemeClip } from './memeclip/memeclip.js' */

/** Runs after the first one, which also loads weights and lets the browser compile. */
const RUNS = 5;

/**
 * How long verdicts take here: milliseconds, median and minimum. Each run has an image and a text of its own, as what was seen
 * before is not computed again.
 * @param {MemeClip} classifier
 * @param {(run: number, runs: number) => void} onRun Called before each run; run 0 is the first one, which does not count.
 */
export async function benchmark(classifier, onRun) {
  const times = [];
  let device = '';
  for (let run = 0; run <= RUNS; run++) {
    onRun(run, RUNS);
    const verdict = await classifier.classify(noise(), { text: `${Math.random()}` });
    if (run > 0) times.push(verdict.timings.total - verdict.timings.load);
    device = verdict.device;
  }
  times.sort((a, b) => a - b);
  return { device, median: times[times.length >> 1], minimum: times[0], runs: RUNS };
}

function noise() {
  const image = new ImageData(400, 400);
  // The browser gives no more random bytes at a time.
  for (let i = 0; i < image.data.length; i += 65_536) crypto.getRandomValues(image.data.subarray(i, i + 65_536));
  return image;
}
