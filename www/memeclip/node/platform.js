// What Node.js, Bun and Deno give the package in place of a browser. What they call by the same name as browsers, and the
// tests of all three cover, is used as it is.

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import { fetchFile } from './file.js';
import { openFolder } from './folder-cache.js';
import { startWorker } from './start-worker.js';

/** @import { Platform } from '../platform.js' */

/** The oldest Node.js with all that is needed. Bun and Deno name a newer one. */
const OLDEST = 22;
/** Anything else is a path, also one of Windows such as C:\pack. */
const ADDRESS = /^(https?|file|data|blob):/i;
/** Milliseconds: as long as timers can be. */
const LONG = 2 ** 31 - 1;

/** @type {Platform} */
export const node = {
  name: `Node.js ${process.versions.node}`,
  remedy: `Use Node.js ${OLDEST}, Bun 1.2, Deno 2 or newer.`,
  incomplete: 'Install the package whole, and keep it out of bundles (esbuild: external; Next.js: serverExternalPackages).',
  forbidden: 'Allow Workers (Node.js: --allow-worker).',

  missing: () => (parseInt(process.versions.node) < OLDEST ? [`what version ${OLDEST} has`] : []),

  sharesMemory: () => true,

  gpu: () => undefined,

  resolve(address, base) {
    const given = String(address);
    return ADDRESS.test(given) || base ? new URL(given, base).href : pathToFileURL(resolve(given)).href;
  },

  startWorker,

  fetch: (address, options) => (String(address).startsWith('file:') ? fetchFile(address) : fetchWeb(address, options)),

  keeps: () => true,

  // A pack on this machine is there already.
  openCache: async (base, folder) => (base.startsWith('file:') ? null : openFolder(base, folder)),

  // The program may end while it listens.
  channel: (name) => /** @type {any} */ (new BroadcastChannel(name)).unref(),

  whileAwaited(promise) {
    // What waits for an answer keeps the program running; Workers do not.
    const timer = setInterval(() => {}, LONG);
    return promise.finally(() => clearInterval(timer));
  },
};

/**
 * As `fetch`, which says "fetch failed" and leaves the reason to its cause.
 * @type {Platform['fetch']}
 */
async function fetchWeb(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    const { cause } = /** @type {{ cause?: any }} */ (error);
    throw cause ? new Error(cause.message || cause.code) : error;
  }
}
