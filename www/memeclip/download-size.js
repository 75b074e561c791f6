import { MANIFEST, entryOf, names } from './cache.js';
import { platform } from './platform.js';

/** @import { Store } from './platform.js' */
/** @import { Cost } from './types.js' */
/** @import { WasmFiles } from './wasm-files.js' */
/** @typedef {{ bytes: number, sha256: string }} Shard */

/** Milliseconds for an answer. */
const TIMEOUT = 30_000;
/** The version of packs that is understood here. */
const VERSIONS = [1, 2];
/** Parts of a pack that read the text of images. */
const READER = ['ocr', 'ocr-small'];
/** Parts that an ordinary verdict does without, too: `golden` (small) is for GPUs. */
const OPTIONAL = ['prompts', 'golden'];

/**
 * What a verdict will fetch, by the manifest of the pack at `base` and the build that will run. Fails, with whatever error,
 * if the manifest cannot be read.
 * @param {string} base
 * @param {WasmFiles} files
 * @param {string} [folder] As for `openCache`.
 * @returns {Promise<Cost>}
 */
export async function downloadSize(base, { script, module }, folder) {
  const cache = await platform.openCache(base, folder);
  const components = Object.entries(await componentsOf(base, cache));
  const shards = (/** @type {(name: string) => boolean} */ wanted) =>
    components.flatMap(([name, { shards }]) => (wanted(name) ? shards : []));
  const kept = new Set(await names(cache));
  const total = (/** @type {Shard[]} */ shards) => shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const part = (/** @type {Shard[]} */ shards) => ({
    bytes: total(shards),
    cached: total(shards.filter(({ sha256 }) => kept.has(sha256))),
  });
  const code = await Promise.all([script, module].map(sizeOf));
  return {
    ...part(shards((name) => ![...READER, ...OPTIONAL].includes(name))),
    reader: part(shards((name) => READER.includes(name))),
    code: code.reduce((sum, size) => (sum === null || size === null ? null : sum + size)),
  };
}

/**
 * By the manifest as the server has it now; without a connection, by the one from last time.
 * @param {string} base
 * @param {Store | null} cache
 * @returns {Promise<Record<string, { shards: Shard[] }>>}
 */
async function componentsOf(base, cache) {
  const signal = AbortSignal.timeout(TIMEOUT);
  const asked = platform.fetch(base + MANIFEST, { credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-cache', signal });
  const response = await asked.catch(() => cache?.match(entryOf(MANIFEST)));
  if (!response) throw new Error('no manifest');
  const { version, components } = await response.json();
  if (!VERSIONS.includes(version)) throw new Error(`version ${version}`);
  return components;
}

/**
 * The bytes that a file takes to send, null if the server does not say.
 * @param {URL} url
 */
async function sizeOf(url) {
  const response = await platform.fetch(url, { signal: AbortSignal.timeout(TIMEOUT) });
  response.body?.cancel();
  return response.ok ? Number(response.headers.get('content-length')) || null : null;
}
