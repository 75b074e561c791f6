import { MANIFEST, entryOf, names, openCache } from './cache.js';

/** Milliseconds for an answer. */
const PATIENCE = 30_000;
/** The version of packs that is understood here. */
const VERSION = 1;

/**
 * What a verdict will fetch, by the manifest of the pack at `base` and the build of the code that will run. Fails, with
 * whatever error, if the manifest cannot be read.
 */
export async function cost(base, { script, module }) {
  const cache = await openCache(base);
  const components = await componentsOf(base, cache);
  // The prompts are for training; what reads pictures is fetched for those that come without a text; the golden meme is
  // for GPUs, and small.
  const named = Object.entries(components).filter(([name]) => !['prompts', 'ocr', 'golden'].includes(name));
  const shards = named.flatMap(([, { shards }]) => shards);
  const kept = new Set(await names(cache));
  const total = (shards) => shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const code = await Promise.all([script, module].map(size));
  return {
    bytes: total(shards),
    cached: total(shards.filter(({ sha256 }) => kept.has(sha256))),
    code: code.includes(null) ? null : code[0] + code[1],
  };
}

/** By the manifest as the server has it now; without a connection, by the one from last time. */
async function componentsOf(base, cache) {
  const signal = AbortSignal.timeout(PATIENCE);
  const asked = fetch(base + MANIFEST, { credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-cache', signal });
  const { version, components } = await (await asked.catch(() => cache?.match(entryOf(MANIFEST)))).json();
  if (version !== VERSION) throw new Error(`version ${version}`);
  return components;
}

/** The bytes that a file takes to send, if the server says so. */
async function size(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
  response.body?.cancel();
  return response.ok ? Number(response.headers.get('content-length')) || null : null;
}
