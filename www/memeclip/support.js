// What can run here.

import { failure } from './error.js';
import { platform } from './platform.js';
import { relaxedSimd, simd } from './simd.js';

/** @import { Build } from './wasm-files.js' */

/** More threads have too little to do each. */
const MAX_THREADS = 8;

/** What every request needs and is not here. */
export function missingFeatures() {
  return [...(simd() ? [] : ['WebAssembly SIMD']), ...platform.missing()];
}

/** Fails where the model cannot run. */
export function checkSupport() {
  const missing = missingFeatures();
  if (missing.length > 0) throw failure('browser', `${platform.name} lacks ${missing.join(', ')}`, platform.remedy);
}

/**
 * The builds of the WebAssembly that can run here, best first, and how many threads the best one gets.
 * @param {number} [threads] At most so many.
 * @returns {{ builds: [Build, ...Build[]], threads: number }}
 */
export function chooseBuilds(threads = globalThis.navigator?.hardwareConcurrency ?? 1) {
  if (!Number.isInteger(threads) || threads < 1) {
    throw failure('argument', `\`threads\` must be a positive integer, not '${threads}'`, 'Give 1 or more.');
  }
  if (!relaxedSimd()) return { builds: ['simd128'], threads: 1 };
  if (!platform.sharesMemory() || threads === 1) return { builds: ['relaxed'], threads: 1 };
  return { builds: ['threads', 'relaxed'], threads: Math.min(threads, MAX_THREADS) };
}
