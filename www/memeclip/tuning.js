// What the engine finds out about a GPU, kept by the GPU's name. Where nothing can be kept, it is found out on each visit.

import { entryOf } from './cache.js';

const CACHE = 'memeclip plans';
let kept;

/** Gives the engine what an earlier visit found out. */
export async function recall(classifier) {
  if (classifier.plans() === undefined) return;
  try {
    const entry = await (await caches.open(CACHE)).match(address(classifier));
    kept = await entry?.text();
    if (kept) classifier.adopt(kept);
  } catch {}
}

/** Keeps what the engine has found out by now. */
export async function keep(classifier) {
  const plans = classifier.plans();
  if (!plans || plans === kept) return;
  kept = plans;
  // Asked now: the classifier may be in its next call when the cache is open.
  const entry = address(classifier);
  try {
    await (await caches.open(CACHE)).put(entry, new Response(plans));
  } catch {}
}

function address(classifier) {
  return entryOf(encodeURIComponent(classifier.info().device));
}
