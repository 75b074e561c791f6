import { platform } from './platform.js';
import { withTimeout } from './timeout.js';

/** @import { WasmFiles } from './wasm-files.js' */

/** Milliseconds for a module and its JavaScript to arrive. */
const TIMEOUT = 120_000;

/**
 * Loads a WebAssembly module; fails, with whatever error, if it or its JavaScript cannot be fetched or compiled.
 * @param {WasmFiles} files
 * @returns {Promise<any>} What its JavaScript exports.
 */
export async function loadWasm({ script, module }) {
  const response = platform.fetch(module, { signal: AbortSignal.timeout(TIMEOUT) });
  // If the import fails first, nobody awaits the response.
  response.catch(() => {});
  const wasm = await withTimeout(TIMEOUT, import(/* @vite-ignore */ /* webpackIgnore: true */ script.href));
  await wasm.default({ module_or_path: response });
  return wasm;
}
