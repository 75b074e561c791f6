// Names of a pack's files in the cache, for the code that keeps them and the code that looks what is there.

/** @import { Store } from './platform.js' */

/** Entries of a cache need addresses; nothing ever asks this one. */
const KEYS = 'https://memeclip.invalid/';
export const MANIFEST = 'manifest.json';

/**
 * The address of the manifest's entry, or of a shard's by its sha256.
 * @param {string} name
 */
export function entryOf(name) {
  return KEYS + name;
}

/**
 * The names of all entries.
 * @param {Store | null} cache
 */
export async function names(cache) {
  const entries = (await cache?.keys().catch(() => null)) ?? [];
  return entries.map(({ url }) => url.slice(KEYS.length));
}
