// What this browser can run.

import { failure } from './error.js';

/** @import { Build } from './wasm-files.js' */

/** More threads have too little to do each. */
const MAX_THREADS = 8;
/** One function with v128 and i8x16.popcnt. */
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];
/** One function with i8x16.relaxed_swizzle. */
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
  128, 2, 11,
];

/**
 * What every request needs and this browser lacks. These three came last to Safari (16.4), Firefox (114) and Chrome (103):
 * with them a browser has all else.
 */
export function missingFeatures() {
  const present = {
    'WebAssembly SIMD': accepts(SIMD),
    'module Workers': moduleWorkers(),
    'AbortSignal.timeout': Boolean(globalThis.AbortSignal?.timeout),
  };
  return Object.entries(present).flatMap(([feature, here]) => (here ? [] : feature));
}

/** Fails in a browser that cannot run the model. */
export function checkBrowser() {
  const missing = missingFeatures();
  if (missing.length === 0) return;
  const remedy = 'Use Chrome or Edge 103, Firefox 114, Safari 16.4 or newer, with WebAssembly allowed.';
  throw failure('browser', `this browser lacks ${missing.join(', ')}`, remedy);
}

export function relaxedSimd() {
  return accepts(RELAXED_SIMD);
}

/**
 * The builds of the WebAssembly that this page can run, best first, and how many threads the best one gets.
 * @param {number} [threads] At most so many.
 * @returns {{ builds: [Build, ...Build[]], threads: number }}
 */
export function chooseBuilds(threads = globalThis.navigator.hardwareConcurrency) {
  if (!Number.isInteger(threads) || threads < 1) {
    throw failure('argument', `\`threads\` must be a positive integer, not '${threads}'`, 'Give 1 or more.');
  }
  if (!relaxedSimd()) return { builds: ['simd128'], threads: 1 };
  // Threads share memory, which needs isolation from other sites' pages in the same process.
  if (!globalThis.crossOriginIsolated || threads === 1) return { builds: ['relaxed'], threads: 1 };
  return { builds: ['threads', 'relaxed'], threads: Math.min(threads, MAX_THREADS) };
}

/**
 * Whether the browser accepts this WebAssembly module.
 * @param {number[]} module
 */
function accepts(module) {
  return globalThis.WebAssembly?.validate(new Uint8Array(module)) ?? false;
}

/** Whether Workers may be modules: only then does the constructor read `type`. The address is invalid, so none starts. */
function moduleWorkers() {
  let read = false;
  try {
    new Worker('https://[', {
      get type() {
        read = true;
        return /** @type {const} */ ('module');
      },
    });
  } catch {
    // Always.
  }
  return read;
}
