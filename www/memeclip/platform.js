// What surrounds the package: a browser, unless the package's entry for Node.js, Bun and Deno says otherwise.

import { browser } from './browser.js';

/** @typedef {Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>} Thread What is used of a Worker. */
/** @typedef {Pick<Cache, 'match' | 'put' | 'delete' | 'keys'>} Store What is used of a Cache. */

/**
 * @typedef {object} Platform
 * @property {string} name For messages.
 * @property {string} remedy For one that lacks something.
 * @property {string} incomplete The remedy if a file of the package is not where it belongs.
 * @property {string} forbidden The remedy if Workers are refused.
 * @property {() => string[]} missing What every request needs and is not there, apart from WebAssembly SIMD.
 * @property {() => boolean} sharesMemory Whether Workers may share memory.
 * @property {() => any} gpu WebGPU, if there is any.
 * @property {(address: string | URL, base?: string) => string} resolve The whole address; throws if it is not valid.
 * @property {(script: URL, create?: () => Worker) => Thread} startWorker See start-worker.js.
 * @property {(address: string | URL, options?: RequestInit) => Promise<Response>} fetch
 * @property {() => boolean} keeps Whether packs are kept for the next time.
 * @property {(base: string, folder?: string) => Promise<Store | null>} openCache
 *   What is kept of the pack at an address; null if nothing can be. `folder`: the one that the user has named.
 * @property {(name: string) => BroadcastChannel} channel
 * @property {<T>(promise: Promise<T>) => Promise<T>} whileAwaited The same promise; the program does not end before it settles.
 */

export let platform = browser;

/**
 * Before anything else is done.
 * @param {Platform} other
 */
export function usePlatform(other) {
  platform = other;
}
