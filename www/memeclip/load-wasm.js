import { within } from './within.js';

/** Milliseconds for a module and its JavaScript to arrive. */
const PATIENCE = 120_000;

/** Loads one of `builds.js`. Whatever it fails with, the code could not be had. */
export async function load({ script, module }) {
  const code = fetch(module, { signal: AbortSignal.timeout(PATIENCE) });
  // If the import fails first, nobody asks for the code.
  code.catch(() => {});
  const wasm = await within(PATIENCE, import(/* @vite-ignore */ /* webpackIgnore: true */ script.href));
  await wasm.default({ module_or_path: code });
  return wasm;
}
