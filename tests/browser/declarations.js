// Makes the package's memeclip.d.ts from its JSDoc: `npm run declarations` writes it, types.test.js checks that it is current.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [www, compiler] = ['../../www/', 'node_modules/typescript/bin/tsc'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
/** The modules that declare what is public. */
const MODULES = ['types', 'error', 'memeclip'];
const HEADER = '// Made from the JSDoc of the package by tests/browser/declarations.js.\n\n';

/** Runs the TypeScript compiler; returns its exit code and what it says. */
export function tsc(...args) {
  try {
    return { status: 0, stdout: execFileSync(process.execPath, [compiler, ...args], { encoding: 'utf8' }) };
  } catch ({ status, stdout }) {
    return { status, stdout };
  }
}

/** The text of memeclip.d.ts. */
export function declarations() {
  const folder = mkdtempSync(join(tmpdir(), 'memeclip-'));
  try {
    const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--stripInternal', '--rootDir', www, '--outDir', folder];
    const { status, stdout } = tsc('--project', www, ...emit);
    if (status !== 0) throw new Error(stdout);
    const modules = MODULES.map((name) => {
      const source = readFileSync(join(www, 'memeclip', `${name}.js`), 'utf8');
      return tidy(readFileSync(join(folder, 'memeclip', `${name}.d.ts`), 'utf8'), source);
    });
    return HEADER + modules.join('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const COMMENT = / *\/\*\*(?:(?!\*\/)[^])*\*\/\n/g;

/**
 * A module's declarations, without what is not public, and with the descriptions of types and overloads, which the compiler
 * leaves out.
 */
function tidy(declared, source) {
  const comments = Array.from(source.matchAll(COMMENT), ([comment]) => comment);
  const types = comments.filter((comment) => comment.includes('@typedef'));
  const typed = (name) => types.find((comment) => new RegExp(`@typedef \\{object\\} ${name}\n|\\} ${name}\\s*\\*/`).test(comment));
  const overloads = comments.filter((comment) => comment.includes('@overload')).map((comment) => comment.replace(/^ {2}/gm, '    '));
  return declared
    .replace(/^(import .*|export \{.*\};)\n/gm, '')
    .replace(COMMENT, (comment) => (/@(import|typedef|private)\b/.test(comment) ? '' : description(comment)))
    .replace(/^export type (\w+)/gm, (type, name) => description(typed(name)) + type)
    .replace(/(?<!\*\/\n)^ {4}\w+\(/gm, (overload) => description(overloads.shift()) + overload)
    .replace(/^( *\*) {2,}/gm, '$1 ')
    .replace(/\/\*\*\n *\* (.*)\n *\*\//g, '/** $1 */');
}

/** A comment without its tags, which repeat what the declaration says; nothing if it has no more than those. */
function description(comment = '') {
  const [text, ...tags] = comment.split(/\n? *\*? @/);
  if (tags.length === 0) return comment;
  const [, indent] = /^( *)\/\*\*/.exec(comment);
  const said = text.replace(/[\s*]+$/, '').slice(indent.length + 3);
  return said && `${indent}/**${said}\n${indent} */\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(www, 'memeclip/memeclip.d.ts'), declarations());
