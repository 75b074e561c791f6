// What the engine finds out by trying, about a GPU and beside it, kept by the GPU's name and the number of threads. Where nothing
// can be kept, it is found out anew on each visit.

import { entryOf } from './cache.js';

const CACHE = 'memeclip tuning';
/** @type {string | undefined} */
let kept;
/** @type {number} */
let threads;

/**
 * What is found out holds for so many threads of the CPU.
 * @param {number} count
 */
export function tuneFor(count) {
  threads = count;
}

/**
 * Gives the engine what an earlier visit found out.
 * @param {any} classifier
 */
export async function restoreTuning(classifier) {
  if (!classifier.adapter) return;
  try {
    const entry = await (await caches.open(CACHE)).match(addressOf(classifier));
    kept = await entry?.text();
  } catch {
    // Storage is switched off.
  }
  if (kept) await classifier.importTuning(kept);
}

/**
 * Keeps what the engine has found out by now.
 * @param {any} classifier
 */
export async function saveTuning(classifier) {
  const tuning = classifier.exportTuning();
  if (!tuning || tuning === kept) return;
  kept = tuning;
  // Asked now: the classifier may be in its next call when the cache is open.
  const entry = addressOf(classifier);
  try {
    await (await caches.open(CACHE)).put(entry, new Response(tuning));
  } catch {
    // Storage is switched off, or full.
  }
}

/** @param {any} classifier */
function addressOf(classifier) {
  return entryOf(encodeURIComponent(`${classifier.adapter}, ${threads} threads`));
}
