// The types are those of the code, and say no to what the code refuses.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { declarations, tsc } from './declarations.js';
import { PACKAGE } from './harness.js';

const project = (path) => fileURLToPath(new URL(path, import.meta.url));
const declared = readFileSync(join(PACKAGE, 'memeclip.d.ts'), 'utf8');

for (const [name, path] of [
  ['a page that uses everything is accepted, and its mistakes are not', 'tsconfig.json'],
  ['the package and the page agree with their JSDoc', '../../www/tsconfig.json'],
]) {
  test(name, () => {
    const { status, stdout } = tsc('--project', project(path));
    assert.equal(status, 0, stdout);
  });
}

test('the declarations are made from the JSDoc as it is now', () => {
  for (const [file, text] of Object.entries(declarations())) {
    assert.equal(readFileSync(join(PACKAGE, file), 'utf8'), text, 'run `npm run declarations`');
  }
});

test('the module exports what its types say', async () => {
  const names = declared.matchAll(/^export declare (?:class|function|const) (\w+)/gm);
  const exported = Object.keys(await import(join(PACKAGE, 'memeclip.js')));
  assert.deepEqual(exported.sort(), Array.from(names, ([, name]) => name).sort());
});
