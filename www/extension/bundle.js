// Bundles the content script, since browsers do not load content scripts as modules: `node bundle.js OUT`.

import { build } from 'esbuild';

const result = await build({
  entryPoints: ['content/main.js'],
  bundle: true,
  format: 'iife',
  charset: 'utf8',
  outfile: process.argv[2],
  // Ignores a tsconfig.json of the folders around this one.
  tsconfigRaw: {},
  logLevel: 'warning',
}).catch(({ errors }) => ({ errors }));
process.exitCode = result.errors.length > 0 ? 1 : 0;
