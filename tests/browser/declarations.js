// Makes the package's declarations from its JSDoc: `npm run declarations` writes them, types.test.js checks that they are current.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [www, compiler] = ['../../www/', 'node_modules/typescript/bin/tsc'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
/** The files, and the modules that declare what is public. */
const FILES = {
  'memeclip.d.ts': { modules: ['types', 'error', 'memeclip'] },
  'meme-verdict.d.ts': {
    modules: ['meme-verdict'],
    head: "import type { LoadOptions, Verdict } from './memeclip.js';\n\n",
    // No JSDoc declares what is global.
    foot: "\ndeclare global {\n    interface HTMLElementTagNameMap {\n        'meme-verdict': MemeVerdict;\n    }\n}\n",
  },
};
const HEADER = '// Made from the JSDoc of the package by tests/browser/declarations.js.\n\n';

/** Runs the TypeScript compiler; returns its exit code and what it says. */
export function tsc(...args) {
  try {
    return { status: 0, stdout: execFileSync(process.execPath, [compiler, ...args], { encoding: 'utf8' }) };
  } catch ({ status, stdout }) {
    return { status, stdout };
  }
}

/** The texts of the declarations, by file. */
export function declarations() {
  const folder = mkdtempSync(join(tmpdir(), 'memeclip-'));
  try {
    const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--stripInternal', '--rootDir', www, '--outDir', folder];
    const { status, stdout } = tsc('--project', www, ...emit);
    if (status !== 0) throw new Error(stdout);
    const declared = (name) => {
      const source = readFileSync(join(www, 'memeclip', `${name}.js`), 'utf8');
      return tidy(readFileSync(join(folder, 'memeclip', `${name}.d.ts`), 'utf8'), source);
    };
    const texts = Object.entries(FILES).map(([file, { modules, head = '', foot = '' }]) => [
      file,
      HEADER + head + modules.map(declared).join('\n') + foot,
    ]);
    return Object.fromEntries(texts);
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of Object.entries(declarations())) writeFileSync(join(www, 'memeclip', file), text);
}
