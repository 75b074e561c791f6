// Finds memory leaks of a classifier: 10,000 requests in one tab, and repeated loading and disposing.
//
//   npm ci --prefix tests/browser && node benches/endurance.js [--requests 10000] [--cycles 50]
//                                                                 [--only cpu-1,cpu-2,gpu,cycles]
//
// It uses the default pack and the requests of tests/browser/endurance.js. Images and texts are new each time, and images
// are files. 4 % of the requests read text, 4 % explain, 5 % are invalid, 4 % are cancelled, and 3 % have four memes. The
// first row comes after one thousandth of the requests, the others after each tenth. Before each row, garbage is collected.
//
//   wasm, reader  memory of the WebAssembly modules
//   heap          JavaScript heap of the page and its Workers
//   buffers       GPU buffers that are neither destroyed nor collected
//   process       memory of the renderer and the GPU process (memory.js), where the page also draws its images
//   median, 95 %  time of a plain verdict from call to answer, in this tenth
/* global endure */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { countBuffers, inUse, left, pageHeap, prepare } from '../tests/browser/endurance.js';
import { blank, launch, root, serve } from '../tests/browser/harness.js';
import { held, rest } from './memory.js';

const { values: options } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    cycles: { type: 'string', default: '50' },
    only: { type: 'string', default: 'cpu-1,cpu-2,gpu,cycles' },
  },
});
const site = await serve(join(root, 'weights/default'));
countBuffers(site);

const runs = {
  'cpu-1': () => requests({ device: 'cpu', threads: 1 }),
  'cpu-2': () => requests({ device: 'cpu', threads: 2 }),
  gpu: () => requests({ device: 'gpu', threads: 1 }),
  cycles: async () => {
    await cycles({ device: 'cpu', threads: 2 });
    await cycles({ device: 'gpu', threads: 1 });
  },
};
for (const name of options.only.split(',')) await runs[name]();
site.stop();

/** Runs `task` with a browser of its own. */
async function session({ threads }, task) {
  const browser = await launch();
  try {
    const system = await browser.newBrowserCDPSession();
    const { processInfo } = await system.send('SystemInfo.getProcessInfo');
    const { id: pid } = processInfo.find(({ type }) => type === 'browser');
    const { page } = await blank(browser, site.origin, undefined, { isolated: threads > 1 });
    await task({ browser, page, pid });
  } finally {
    await browser.close();
  }
}

function requests(load) {
  return session(load, async ({ browser, page, pid }) => {
    await prepare(page);
    const info = await page.evaluate(async (load) => {
      globalThis.clf = await MemeClip.load('/weights/', load);
      return clf.info;
    }, load);
    const build = load.threads > 1 ? 'threads' : 'relaxed';
    console.log(`\n${info.device}, ${load.threads} thread(s)\n`);
    header('requests', 'wasm', 'reader', 'heap', 'buffers', 'process', 'median', '95 %');
    const all = {};
    const count = Number(options.requests);
    let done = 0;
    for (const share of [0.001, ...Array.from({ length: 10 }, (_, i) => (i + 1) / 10)]) {
      const more = Math.ceil(share * count) - done;
      const { times, outcomes } = await page.evaluate(([first, count]) => endure(first, count), [done, more]);
      done += more;
      for (const [outcome, count] of Object.entries(outcomes)) all[outcome] = (all[outcome] ?? 0) + count;
      const { wasm, reader, heap, buffers } = await inUse(browser, page, build);
      await rest(pid);
      const sorted = times.toSorted((a, b) => a - b);
      const time = (share) => `${sorted[Math.floor(share * sorted.length)]?.toFixed(1)} ms`;
      row(done, mb(wasm), mb(reader), mb(heap), `${buffers.count}, ${mb(buffers.bytes)}`, mb(held(pid)), time(0.5), time(0.95));
    }
    const outcomes = Object.entries(all).map(([outcome, count]) => `${outcome} ${count}`);
    console.log(`\n${outcomes.join(', ')}`);
  });
}

function cycles(load) {
  return session(load, async ({ browser, page, pid }) => {
    console.log(`\nLoading and disposing: ${load.device}, ${load.threads} thread(s)\n`);
    header('cycles', 'Workers left', 'heap', 'process');
    const count = Number(options.cycles);
    for (let done = 0; done <= count; done++) {
      await page.evaluate(async (load) => {
        const clf = await MemeClip.load('/weights/', load);
        await clf.classify(new ImageData(64, 64), { text: 'hello' });
        clf.dispose();
      }, load);
      if (done % (count / 5) > 0) continue;
      const workers = await left(browser);
      const heap = await pageHeap(browser);
      await rest(pid);
      row(done, workers, mb(heap), mb(held(pid)));
    }
  });
}

function mb(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function header(...cells) {
  row(...cells);
  row(...cells.map(() => '---:'));
}

function row(...cells) {
  console.log(`| ${cells.join(' | ')} |`);
}
