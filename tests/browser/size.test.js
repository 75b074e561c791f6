// What a page downloads besides the weights: no more than this.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PACKAGE, buildModules, elementScripts, scripts } from './harness.js';

/** A quarter of what onnxruntime-web's WebAssembly takes with WebGPU would be 1.6 MB, without it 0.93 MB. */
const LIMIT = 905_000;

/** What reads pictures, which comes on top where it is needed. */
const READER = 600_000;

/** What comes on top with the element `meme-verdict`. */
const ELEMENT_LIMIT = 8_000;

test('the code, compressed as hosts send it', () => {
  buildModules();
  for (const build of ['threads', 'relaxed', 'simd128']) {
    within(LIMIT, [...scripts, `pkg/${build}.js`, `pkg/${build}_bg.wasm`]);
  }
  within(ELEMENT_LIMIT, elementScripts);
  within(READER, ['pkg/ocr.js', 'pkg/ocr_bg.wasm']);
});

function within(limit, files) {
  const sizes = files.map((file) => gzipSync(readFileSync(join(PACKAGE, file)), { level: 9 }).length);
  const total = sizes.reduce((sum, size) => sum + size);
  console.log(`${files.at(-1)}: ${total}`);
  assert.ok(total <= limit, `${total} bytes: ${files.map((file, i) => `${file} ${sizes[i]}`).join(', ')}`);
}
