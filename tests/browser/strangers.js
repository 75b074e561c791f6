#!/usr/bin/env node
// Trial by strangers: runs the program and the package over a folder of files that nobody here made, images or not, and
// reports crashes, images that are judged otherwise than Chromium shows them, answers in which the two differ, and what takes
// long.
//
//   npm ci --prefix tests/browser && cargo build -p memeclip-cli
//   node tests/browser/strangers.js FOLDER [--read 50] [--out FILE]
//
// Each file is decoded and classified with a small random pack; every 50th (`--read`) is also read and classified with the
// default pack. Images are compared as in shown.test.js. Prints how many files are
//
//   alike      judged as Chromium shows them
//   profile    judged as Chromium shows them without their colour profile: an exception of docs/what-is-seen.md
//   noticed    judged otherwise, with a notice that says why
//   otherwise  judged otherwise, and nothing says so
//   unseen     judged, though Chromium shows nothing
//   drawn      not decoded by us, but judged as the browser draws them; the program refuses them
//   refused    refused, though Chromium shows them
//   neither    refused, and Chromium shows nothing
//   crash      the program or the page crashed, or gave no answer
//
// and names those of which it is not alike or neither, then files on which program and page differ, and those that take more
// than a second and twenty times the median. `--out` takes all that was found, a line of JSON for each file. The exit status
// is 1 if there is a crash, an image that is judged otherwise, or a difference between program and page; docs/what-is-seen.md
// lists images of which it is expected.

import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { EDGE } from './difference.js';
import { launch, pack, root, serve } from './harness.js';
import { Tab } from './strangers-page.js';
import { classifyAll } from './strangers-program.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { read: { type: 'string', default: '50' }, out: { type: 'string' } },
});
if (positionals.length !== 1) throw new Error('usage: strangers.js FOLDER [--read 50] [--out FILE]');
const [folder] = positionals;
const every = Number(options.read);
/** Files of one run of the program. */
const BATCH = 100;
/** How far a probability of the page may lie from the program's. */
const TOLERANCE = 0.01;

const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
const sample = files.filter((_, i) => every > 0 && i % every === 0);
const out = options.out && createWriteStream(options.out);

const browser = await launch();
const found = [...(await examine(files, pack('tiny', 'f32'), '')), ...(await examine(sample, join(root, 'weights/default')))];
await browser.close();
out?.end();
report();

/** What program and page make of the files. Without `text`, they read it. */
async function examine(files, weights, text) {
  const site = await serve(weights);
  const tab = new Tab(browser, site);
  const found = [];
  const told = text === undefined ? [] : ['--text', text];
  for (let i = 0; i < files.length; i += BATCH) {
    const batch = files.slice(i, i + BATCH);
    const programs = await classifyAll(batch, '--weights', weights, ...told);
    for (const [j, file] of batch.entries()) {
      const page = await tab.examine(readFileSync(file).toString('base64'), text);
      const outcome = { file: relative(folder, file), read: text === undefined, program: programs[j], page };
      Object.assign(outcome, { kind: kindOf(outcome), differences: differences(outcome) });
      found.push(outcome);
      out?.write(`${JSON.stringify(outcome)}\n`);
    }
    console.error(`${i + batch.length} of ${files.length} files${text === undefined ? ' read' : ''}`);
  }
  await tab.close();
  site.stop();
  return found;
}

/** What has become of a file, as named above. */
function kindOf({ program, page }) {
  if (program.crash || page.crash) return 'crash';
  const { verdict, decoded, shown } = page;
  if (decoded.error) {
    if (!shown) return 'neither';
    return verdict ? 'drawn' : 'refused';
  }
  if (!shown) return 'unseen';
  if (page.difference <= EDGE) return 'alike';
  if (page.withoutProfile <= EDGE) return 'profile';
  return decoded.notices.length ? 'noticed' : 'otherwise';
}

/** In what the program and the page differ. */
function differences({ program, page }) {
  if (program.crash || page.crash) return [];
  const { answer } = program;
  const { decoded, verdict } = page;
  if (!answer || decoded.error) return !answer === Boolean(decoded.error) ? [] : ['one of them refuses it'];
  if (!verdict) return [`the page says ${page.error.code}`];
  const codes = ({ notices }) => notices.map(({ code }) => code).join();
  const probabilities = ({ tasks }) => Object.values(tasks).flatMap(({ probabilities }) => Object.values(probabilities));
  const others = probabilities(verdict);
  const differ = {
    notices: codes(answer) !== codes(verdict),
    text: answer.text !== verdict.text,
    probabilities: probabilities(answer).some((p, i) => !(Math.abs(p - others[i]) <= TOLERANCE)),
  };
  return Object.keys(differ).filter((part) => differ[part]);
}

function report() {
  const once = found.filter(({ read }) => !read);
  const kinds = ['alike', 'profile', 'noticed', 'otherwise', 'unseen', 'drawn', 'refused', 'neither', 'crash'];
  for (const kind of kinds) {
    const count = once.filter((outcome) => outcome.kind === kind).length;
    console.log(kind.padEnd(10) + String(count).padStart(6));
  }
  for (const { kind, file, program, page } of found) {
    if (['alike', 'neither'].includes(kind)) continue;
    const { difference, decoded } = page;
    const share = difference === undefined ? '' : `${(100 * difference).toFixed(1)} % of its pixels`;
    const why = program.crash ?? page.crash ?? decoded.error?.message ?? [share, ...decoded.notices].filter(Boolean).join(', ');
    console.log(`${kind}: ${file}: ${why}`);
  }
  const differing = found.filter(({ differences }) => differences.length);
  for (const { file, differences } of differing) console.log(`program and page differ: ${file}: ${differences.join(', ')}`);
  for (const side of ['program', 'page']) {
    for (const read of [false, true]) times(side, read);
  }
  const faults = found.filter(({ kind }) => kind === 'crash' || kind === 'otherwise');
  process.exitCode = faults.length + differing.length > 0 ? 1 : 0;
}

function times(side, read) {
  const timed = found.filter((outcome) => outcome.read === read && outcome[side].time !== undefined);
  if (timed.length === 0) return;
  timed.sort((a, b) => a[side].time - b[side].time);
  const median = timed[timed.length >> 1][side].time;
  const slowest = timed.at(-1);
  const seconds = (time) => `${(time / 1000).toFixed(3)} s`;
  const name = `${side}${read ? ', with reading' : ''}`;
  console.log(`${name}: median ${seconds(median)}, slowest ${seconds(slowest[side].time)}, ${slowest.file}`);
  for (const outcome of timed) {
    const { time } = outcome[side];
    if (time > 1000 && time > 20 * median) console.log(`slow: ${outcome.file}: ${seconds(time)}`);
  }
}
