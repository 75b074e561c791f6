import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { memeclip, root } from './harness.js';

test('the WebAssembly is at most 1.5 MB, compressed', () => {
  memeclip('demo', '--build-only');
  for (const build of ['relaxed', 'simd128']) {
    const size = gzipSync(readFileSync(join(root, `www/pkg/${build}_bg.wasm`)), { level: 9 }).length;
    console.log(`${build}: ${(size / 1e6).toFixed(2)} MB`);
    assert.ok(size <= 1.5e6, `${build}: ${size} bytes`);
  }
});
