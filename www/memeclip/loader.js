// The network's thread: fetches a pack's files, through broken and stalled connections, and keeps them in the browser's
// cache. It is a Worker of its own because worker.js computes for long stretches, in which a connection would stand still.

import { refusal } from './address.js';
import { MANIFEST, entryOf, names } from './cache.js';
import { messageOf } from './error.js';
import { platform } from './platform.js';
import { anySignal } from './timeout.js';
import { holdLock } from './worker-lock.js';

/** @import { Store } from './platform.js' */
/** @typedef {{ file: string, bytes: number, sha256: string, component: string }} Shard As the manifest names it. */
/** @typedef {{ bytes: Uint8Array<ArrayBuffer>, checked: boolean }} Arrival */
/** @typedef {ReturnType<typeof newRequest>} Request */

/** Downloads at a time: enough to fill the line, few enough that the first shard is soon there. */
const CONNECTIONS = 3;
/**
 * Shards that are fetched before they are asked for. On a network that is faster than the engine, they wait in memory: all of
 * them would be a second pack there.
 */
const AHEAD = 3;
/** Failures in a row, with hardly a new byte between them, after which a file is asked for again. */
const RETRIES = 4;
/** Milliseconds within which `MIN_PROGRESS` bytes must come: otherwise a connection that trickles would never end. */
const STALL = 15_000;
const MIN_PROGRESS = 16 << 10;
/** Milliseconds before the first retry; each further wait is twice as long. */
const BACKOFF = 500;
/** Bytes set aside before the first one arrives, whatever size is promised. */
const RESERVE = 32 << 20;
/** Milliseconds between two reports on a file. */
const REPORT = 50;
/** No manifest is larger. */
const MANIFEST_MAX = 4 << 20;

/**
 * To worker.js.
 * @type {MessagePort}
 */
let port;
/**
 * The pack's address, with a slash at its end.
 * @type {string}
 */
let base;
/** @type {Promise<Store | null>} */
let cache;
/**
 * Promises of whether shards from the cache were whole, also those of requests that were stopped: the model has them.
 * @type {Promise<boolean>[]}
 */
const checks = [];
let request = newRequest();

/** What shards are fetched for. */
function newRequest() {
  return {
    stop: new AbortController(),
    /** @type {Shard[]} */
    queue: [],
    active: 0,
    /**
     * By file.
     * @type {Map<string, Promise<Arrival>>}
     */
    arriving: new Map(),
    /**
     * Those of them that were started since the last `prefetch`.
     * @type {Set<string>}
     */
    ahead: new Set(),
    /**
     * Bytes by file.
     * @type {Map<string, number>}
     */
    needed: new Map(),
    /**
     * Bytes by file.
     * @type {Map<string, number>}
     */
    loaded: new Map(),
    /** Bytes. */
    cached: 0,
    /** Time of the last report. */
    reported: -Infinity,
  };
}

self.onmessage = ({ data }) => {
  port = data;
  port.onmessage = answer;
};

/** @param {MessageEvent<{ id: number, method: keyof typeof methods, parameter: any }>} message */
async function answer({ data: { id, method, parameter } }) {
  try {
    const value = /** @type {any} */ (await methods[method](parameter));
    port.postMessage({ id, value }, value?.bytes ? [value.bytes.buffer] : []);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    port.postMessage({ id, error: { ...error } });
  }
}

// The page is told of errors only.
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});

/** Why a file could not be had. `detail`: the reason, or for `size` the number of bytes found. */
class Failure {
  /** Whether the same request may go well another time. */
  retry = false;

  /**
   * @param {'aborted' | 'absent' | 'size' | 'hash' | 'network'} kind
   * @param {string} url
   * @param {string | number} [detail]
   */
  constructor(kind, url, detail) {
    this.kind = kind;
    this.url = url;
    this.detail = detail;
  }
}

const methods = {
  /** @param {{ url: string, folder?: string, channel: string }} parameters */
  async open({ url, folder, channel }) {
    base = url;
    cache = platform.openCache(base, folder);
    await holdLock(channel);
  },

  /** The manifest as the server has it now; without a connection, the one from last time. */
  async manifest() {
    const kept = await entry(MANIFEST);
    const retries = kept ? 0 : RETRIES;
    try {
      const file = { file: MANIFEST, limit: MANIFEST_MAX, retries, cache: /** @type {const} */ ('no-cache') };
      return { bytes: await fetched(file, request.stop.signal) };
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'network' || !kept) throw error;
      return { bytes: new Uint8Array(await kept.arrayBuffer()) };
    }
  },

  /**
   * Keeps the manifest, and of the shards only these.
   * @param {{ manifest: Uint8Array<ArrayBuffer>, shards: string[] }} parameters
   */
  async keep({ manifest, shards }) {
    const kept = new Set([MANIFEST, ...shards]);
    for (const name of await names(await cache)) if (!kept.has(name)) await remove(name);
    await put(MANIFEST, manifest);
  },

  /** A new request. What the one before has not fetched is forgotten. */
  begin() {
    request.stop.abort();
    request = newRequest();
  },

  /** Stops the request. */
  abort() {
    request.stop.abort();
  },

  /**
   * These shards will be asked for soon, in this order.
   * @param {Shard[]} shards
   */
  prefetch(shards) {
    for (const { file, bytes } of shards) request.needed.set(file, bytes);
    // A request that is made again, on another device, finds some on their way.
    request.queue = shards.filter(({ file }) => !request.arriving.has(file));
    request.ahead.clear();
    fill();
  },

  /**
   * A shard's bytes. `checked`: their hash is the manifest's; else it is known by the time that `settle` answers.
   * @param {Shard} shard
   */
  async shard(shard) {
    request.queue = request.queue.filter(({ file }) => file !== shard.file);
    const arrival = request.arriving.get(shard.file) ?? start(shard);
    request.arriving.delete(shard.file);
    if (request.ahead.delete(shard.file)) fill();
    return arrival;
  },

  /**
   * A shard whose hash was not the manifest's, as `Http::shard` found on a page without SubtleCrypto.
   * @param {Shard} shard
   */
  async again(shard) {
    return { bytes: await download(shard, request, 'reload'), checked: false };
  },

  /** Whether all shards since the last time were whole. Those that were not are no longer in the cache. */
  async settle() {
    return (await Promise.all(checks.splice(0))).every(Boolean);
  },
};

/** Starts as many of the queued shards as there are connections, and as may wait. */
function fill() {
  const more = () => request.active < CONNECTIONS && request.ahead.size < AHEAD;
  for (let shard; more() && (shard = request.queue.shift()); ) {
    request.ahead.add(shard.file);
    request.arriving.set(shard.file, start(shard));
  }
}

/** @param {Shard} shard */
function start(shard) {
  const current = request;
  current.active++;
  const arrival = load(shard, current).finally(() => {
    current.active--;
    if (request === current) fill();
  });
  // Whoever asks for it learns of its failure; perhaps nobody does.
  arrival.catch(() => {});
  return arrival;
}

/**
 * A shard from the cache or else the network. What is in the cache was checked before: it is checked again while it is used.
 * @param {Shard} shard
 * @param {Request} request
 * @returns {Promise<Arrival>}
 */
async function load(shard, request) {
  const kept = await entry(shard.sha256);
  if (kept) {
    const bytes = await read(kept, new Buffer(shard.bytes, shard.bytes)).catch(() => null);
    if (bytes?.length === shard.bytes) {
      const check = matches(bytes, shard).then(async (whole) => whole || (await remove(shard.sha256), false));
      checks.push(check);
      request.cached += shard.bytes;
      report(request, shard, shard.bytes);
      return { bytes, checked: false };
    }
    await remove(shard.sha256);
  }
  // Kept once, in our own cache.
  let bytes = await download(shard, request, (await cache) ? 'no-store' : 'default');
  if (!(await matches(bytes, shard))) {
    // The parts of a resumed download may not belong together, or the browser or a proxy keeps something else.
    bytes = await download(shard, request, 'reload');
    if (!(await matches(bytes, shard))) throw new Failure('hash', base + shard.file);
  }
  put(shard.sha256, bytes);
  return { bytes, checked: true };
}

/**
 * A shard from the network.
 * @param {Shard} shard
 * @param {Request} request
 * @param {RequestCache} cache
 */
function download(shard, request, cache) {
  const progress = (/** @type {number} */ bytes) => report(request, shard, bytes);
  return fetched({ file: shard.file, limit: shard.bytes, exact: true, retries: RETRIES, cache, progress }, request.stop.signal);
}

/**
 * So many bytes of the shard are here.
 * @param {Request} request
 * @param {Shard} shard
 * @param {number} bytes
 */
function report(request, { file, bytes: all, component }, bytes) {
  request.loaded.set(file, bytes);
  const now = performance.now();
  if (bytes < all && now - request.reported < REPORT) return;
  request.reported = now;
  const sum = (/** @type {Map<string, number>} */ sizes) => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const progress = { loaded: sum(request.loaded), total: sum(request.needed), cached: request.cached, component };
  port.postMessage({ progress });
}

/**
 * Without SubtleCrypto (on an insecure address) nothing can be told here: see `Http::shard`, which hashes then.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Shard} shard
 */
async function matches(bytes, { sha256 }) {
  if (!self.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') === sha256;
}

// The cache. Whatever fails here only costs a download.

/** @param {string} name */
async function entry(name) {
  return (await cache)?.match(entryOf(name)).catch(() => undefined);
}

/**
 * Browsers store a response whole or not at all. If the quota is used up, the next visit downloads again.
 * @param {string} name
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function put(name, bytes) {
  // Chromium makes two fewer copies of a Blob than of bytes.
  const response = new Response(new Blob([bytes]));
  await (await cache)?.put(entryOf(name), response).catch(() => {});
}

/** @param {string} name */
async function remove(name) {
  await (await cache)?.delete(entryOf(name)).catch(() => {});
}

// The network.

/** Bytes that arrive in parts. */
class Buffer {
  #bytes;
  #limit;
  length = 0;

  /**
   * @param {number} expected
   * @param {number} limit
   */
  constructor(expected, limit) {
    this.#bytes = new Uint8Array(Math.min(expected, RESERVE));
    this.#limit = limit;
  }

  /**
   * Whether they are within the limit.
   * @param {Uint8Array} part
   */
  push(part) {
    const length = this.length + part.length;
    if (length > this.#limit) return false;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(length, 2 * this.#bytes.length), this.#limit));
      larger.set(this.#bytes.subarray(0, this.length));
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.length);
    this.length = length;
    return true;
  }

  bytes() {
    return this.#bytes.subarray(0, this.length);
  }
}

/**
 * All of a response, behind what is in the buffer. `arrived` is called with each part.
 * @param {Response} response
 * @param {Buffer} buffer
 */
async function read(response, buffer, arrived = () => {}) {
  // An empty response may have no body.
  const reader = response.body?.getReader();
  for (let part; reader && !(part = await reader.read()).done; arrived()) {
    if (!buffer.push(part.value)) throw new Failure('size', response.url, buffer.length + part.value.length);
  }
  return buffer.bytes();
}

/**
 * A file of the pack, of at most `limit` bytes, or exactly so many. `progress` is told how many are there.
 * @param {{
 *   file: string,
 *   limit: number,
 *   exact?: boolean,
 *   retries: number,
 *   cache: RequestCache,
 *   progress?: (bytes: number) => void,
 * }} download
 * @param {AbortSignal} signal
 */
async function fetched({ file, limit, exact = false, retries, cache, progress = () => {} }, signal) {
  const url = base + file;
  const buffer = new Buffer(exact ? limit : 0, limit);
  for (let failures = 0, most = 0; ; failures++) {
    const connection = new AbortController();
    try {
      await transfer(url, buffer, { cache, connection, signal, progress });
      if (exact && buffer.length !== limit) {
        // A proxy may have closed the connection cleanly; if not, the retry will show.
        throw Object.assign(new Failure('size', url, buffer.length), { retry: true });
      }
      return buffer.bytes();
    } catch (error) {
      if (signal.aborted) throw new Failure('aborted', url);
      const stalled = connection.signal.aborted && `hardly anything came for ${STALL / 1000} seconds`;
      const failure = error instanceof Failure ? error : retried(url, stalled || messageOf(error));
      connection.abort();
      if (buffer.length >= most + MIN_PROGRESS) [most, failures] = [buffer.length, 0];
      if (!failure.retry || failures === retries) throw failure;
      await sleep(BACKOFF << failures, signal);
    }
  }
}

/**
 * Goes on behind the bytes that are there.
 * @param {string} url
 * @param {Buffer} buffer
 * @param {{
 *   cache: RequestCache,
 *   connection: AbortController,
 *   signal: AbortSignal,
 *   progress: (bytes: number) => void,
 * }} options
 */
async function transfer(url, buffer, { cache, connection, signal, progress }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let watchdog;
  let watched = 0;
  const watch = () => {
    clearTimeout(watchdog);
    watched = buffer.length;
    watchdog = setTimeout(() => connection.abort(), STALL);
  };
  try {
    watch();
    /** @type {Record<string, string>} */
    const headers = buffer.length > 0 ? { range: `bytes=${buffer.length}-` } : {};
    const either = anySignal([signal, connection.signal]);
    const response = await platform.fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', cache, headers, signal: either });
    const { status } = response;
    // The whole file: from a server that does not know ranges.
    if (status === 200) buffer.length = 0;
    else if (status === 416) throw new Failure('size', url, buffer.length);
    else if (status === 408 || status === 429 || status >= 500) throw retried(url, refusal(url, status));
    else if (status !== 206 || buffer.length === 0) throw new Failure('absent', url, refusal(url, status));
    if (response.headers.get('content-type')?.startsWith('text/html')) {
      throw new Failure('absent', url, 'the server answers with a web page');
    }
    watch();
    await read(response, buffer, () => {
      if (buffer.length >= watched + MIN_PROGRESS) watch();
      progress(buffer.length);
    });
  } finally {
    clearTimeout(watchdog);
  }
}

/**
 * A failure that may not happen again.
 * @param {string} url
 * @param {string} reason
 */
function retried(url, reason) {
  // Browsers do not tell this from other failures.
  const elsewhere = url.startsWith(self.origin) ? '' : '; or another site does not allow cross-origin reads';
  return Object.assign(new Failure('network', url, reason + elsewhere), { retry: true });
}

/**
 * Waits, but not longer than the request is wanted.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
function sleep(milliseconds, signal) {
  const over = anySignal([signal, AbortSignal.timeout(milliseconds)]);
  return new Promise((resolve) => (over.aborted ? resolve(undefined) : over.addEventListener('abort', resolve, { once: true })));
}

// The first message: see start-worker.js.
self.postMessage({});
