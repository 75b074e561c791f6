// Where a pack's files are in the browser's cache, for those who keep them and those who look what is there.

/** Entries of a cache need addresses; nobody ever asks this one. */
const KEYS = 'https://memeclip.invalid/';
export const MANIFEST = 'manifest.json';

/** The pack's own cache, by its address; null on a page without one (an insecure address, storage switched off). */
export async function openCache(base) {
  try {
    return (await self.caches?.open(`memeclip ${base}`)) ?? null;
  } catch {
    return null;
  }
}

/** The entry of the manifest, or of a shard by its sha256. */
export function entryOf(name) {
  return KEYS + name;
}

/** What there are entries of. */
export async function names(cache) {
  const entries = (await cache?.keys().catch(() => null)) ?? [];
  return entries.map(({ url }) => url.slice(KEYS.length));
}
