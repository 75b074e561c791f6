// Facts that stand both in Rust and in JavaScript are the same.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE, root } from './harness.js';

/** The value of a constant of a source file. */
function constant(file, name) {
  const text = readFileSync(file, 'utf8');
  const found = text.match(new RegExp(`const ${name}(?:: [\\w&]+)? = (.+);`))?.[1];
  assert.ok(found, `${file} has no constant ${name}`);
  // Both languages write numbers, strings, lists and shifts alike.
  return Function(`return ${found}`)();
}

const rust = (file, name) => constant(join(root, 'src/pack', file), name);
const javascript = (file, name) => constant(join(PACKAGE, file), name);

test('the versions of packs', () => {
  const versions = [rust('format.rs', 'OLDEST_VERSION'), rust('format.rs', 'VERSION')];
  const understood = javascript('download-size.js', 'VERSIONS');
  assert.deepEqual([understood[0], understood.at(-1)], versions);
});

test('the name and the size of a manifest', () => {
  assert.equal(javascript('cache.js', 'MANIFEST'), rust('format.rs', 'FILE'));
  assert.equal(javascript('loader.js', 'MANIFEST_MAX'), rust('manifest.rs', 'MAX_BYTES'));
});
