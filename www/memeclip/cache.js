// Where a pack's files are in the browser's cache, for the code that keeps them and the code that looks what is there.

/** Entries of a cache need addresses; nothing ever asks this one. */
const KEYS = 'https://memeclip.invalid/';
export const MANIFEST = 'manifest.json';

/**
 * The pack's own cache, by its address; null on a page without one (an insecure address, storage switched off).
 * @param {string} base
 */
export async function openCache(base) {
  try {
    return (await self.caches?.open(`memeclip ${base}`)) ?? null;
  } catch {
    return null;
  }
}

/**
 * The address of the manifest's entry, or of a shard's by its sha256.
 * @param {string} name
 */
export function entryOf(name) {
  return KEYS + name;
}

/**
 * The names of all entries.
 * @param {Cache | null} cache
 */
export async function names(cache) {
  const entries = (await cache?.keys().catch(() => null)) ?? [];
  return entries.map(({ url }) => url.slice(KEYS.length));
}
