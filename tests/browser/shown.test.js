// What is judged is what Chromium shows: of odd images (../goldens/odd), and of images that are damaged at random. More of
// those: IMAGES=2000 SEED=1 node --test shown.test.js

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { alike } from './difference.js';
import { drawingPage, ODD, oddImages, shownPixels } from './draw.js';
import { launch, root } from './harness.js';

const COUNT = Number(process.env.IMAGES ?? 150);
const SEED = Number(process.env.SEED ?? 17);
const folder = join(root, 'target/tmp/shown');

let browser;
let page;
before(async () => {
  browser = await launch();
  page = await drawingPage(browser);
});
after(() => browser.close());

test('Chromium shows of the odd images what it showed when they were drawn', async () => {
  for (const name of oddImages()) {
    const [now, then] = [await shownPixels(page, file(name)), await shownPixels(page, file(`${name}.shown.png`))];
    assert.ok(now && alike(now, then), name);
  }

  function file(name) {
    return readFileSync(join(ODD, name));
  }
});

/** Numbers below 1 from a seed (mulberry32). */
function numbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The file with a part cut off, changed, left out, doubled, exchanged, or put behind it. */
function damaged(file, other, random) {
  const at = (length) => Math.floor(random() * length);
  const [start, length] = [at(file.length), 1 + at(40)];
  const [head, part, tail] = [file.subarray(0, start), file.subarray(start, start + length), file.subarray(start + length)];
  const changes = [
    () => head,
    () => Buffer.concat([head, part.map(() => at(256)), tail]),
    () => Buffer.concat([head, tail]),
    () => Buffer.concat([head, part, part, tail]),
    () => Buffer.concat([head, other.subarray(start, start + length), tail]),
    () => Buffer.concat([file, other]),
    () => file.with(Math.min(start, 60), at(256)),
  ];
  return Buffer.from(changes[at(changes.length)]());
}

test('damaged images are judged as Chromium shows them, or it is said that they are damaged', async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const whole = join(root, 'tests/goldens/images');
  const originals = [...readdirSync(whole).map((name) => join(whole, name)), ...oddImages().map((name) => join(ODD, name))];
  const random = numbers(SEED);
  const any = () => readFileSync(originals[Math.floor(random() * originals.length)]);
  for (let i = 0; i < COUNT; i++) writeFileSync(join(folder, String(i)), damaged(any(), any(), random));
  // Built by `cargo test`: `cargo run` would compile every dependency again, with other features.
  const decoder = join(root, 'target/debug/examples/pixels');
  const lines = execFileSync(decoder, [folder], { encoding: 'utf8', maxBuffer: 2 ** 28 }).trim().split('\n');

  const silent = [];
  for (const { name, width, height, notices, error } of lines.map((line) => JSON.parse(line))) {
    // Then it is said.
    if (error || notices.some(({ code }) => code === 'image/truncated')) continue;
    const shown = await shownPixels(page, readFileSync(join(folder, name)));
    // What is judged though nobody sees it does no harm.
    if (!shown) continue;
    if (!alike(shown, { width, height, data: readFileSync(join(folder, `${name}.rgba`)) })) silent.push(name);
  }
  assert.deepEqual(silent, [], `in ${folder}, seed ${SEED}`);
});
