// The types are those of the code, and say no to what the code refuses.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { PACKAGE } from './harness.js';

const here = fileURLToPath(new URL('.', import.meta.url));

test('a page that uses everything is accepted, and its mistakes are not', () => {
  const { status, stdout } = tsc();
  assert.equal(status, 0, stdout);
});

test('the module exports what its types say', async () => {
  const declared = readFileSync(join(PACKAGE, 'memeclip.d.ts'), 'utf8').matchAll(/^export (?:class|function|const) (\w+)/gm);
  const exported = Object.keys(await import(join(PACKAGE, 'memeclip.js')));
  assert.deepEqual(exported.sort(), Array.from(declared, ([, name]) => name).sort());
});

/** The compiler's verdict on types.ts. */
function tsc() {
  try {
    const args = [join(here, 'node_modules/typescript/bin/tsc'), '--project', join(here, 'tsconfig.json')];
    return { status: 0, stdout: execFileSync(process.execPath, args, { cwd: here, encoding: 'utf8' }) };
  } catch ({ status, stdout }) {
    return { status, stdout };
  }
}
