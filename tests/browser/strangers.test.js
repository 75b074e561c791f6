// strangers.js finds what it is meant to find, and nothing in the odd images: program and package judge them as Chromium
// shows them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ODD, oddImages } from './draw.js';
import { picture, root } from './harness.js';

const script = join(root, 'tests/browser/strangers.js');

/** Runs it over a folder with these files, by name. */
function strangers(files, ...options) {
  const folder = join(root, 'target/tmp/strangers');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'below'), { recursive: true });
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(folder, 'below', name), contents);
  return spawnSync(process.execPath, [script, folder, ...options], { encoding: 'utf8' });
}

test('the odd images', () => {
  const files = Object.fromEntries(oddImages().map((name) => [name, readFileSync(join(ODD, name))]));
  const { status, stdout } = strangers(files, '--read', '30');
  assert.equal(status, 0, stdout);
  assert.match(stdout, new RegExp(`^alike +${oddImages().length}$`, 'm'));
});

/** A BMP of 32 bits whose alpha Chromium shows and we, as Pillow, do not: an exception of docs/what-is-seen.md. */
function translucent() {
  const [size, header] = [8, 124];
  const bmp = Buffer.alloc(14 + header + 4 * size * size, 40);
  bmp.fill(0, 0, 14 + header).write('BM');
  bmp.writeUInt32LE(bmp.length, 2);
  bmp.writeUInt32LE(14 + header, 10);
  bmp.writeUInt32LE(header, 14);
  bmp.writeInt32LE(size, 18);
  bmp.writeInt32LE(size, 22);
  bmp.writeUInt16LE(1, 26);
  bmp.writeUInt16LE(32, 28);
  [0xff0000, 0xff00, 0xff, 0xff000000].forEach((mask, i) => bmp.writeUInt32LE(mask, 54 + 4 * i));
  return bmp;
}

test('one that is judged otherwise, one that is not whole, and what is no image', () => {
  const whole = picture('exact.png');
  const cut = whole.subarray(0, whole.length / 2);
  const files = { 'a.png': whole, 'cut.png': cut, 'translucent.bmp': translucent(), 'words.txt': 'words' };
  const { status, stdout } = strangers(files, '--read', '0');
  assert.equal(status, 1, stdout);
  assert.match(stdout, /^otherwise: below\/translucent\.bmp: 100\.0 % of its pixels$/m);
  for (const [kind, count] of Object.entries({ alike: 2, otherwise: 1, neither: 1, crash: 0 })) {
    assert.match(stdout, new RegExp(`^${kind} +${count}$`, 'm'));
  }
  assert.doesNotMatch(stdout, /differ/);
});
