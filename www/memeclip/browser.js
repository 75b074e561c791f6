// What a browser gives the package.

import { startWorker } from './start-worker.js';

/** @import { Platform } from './platform.js' */

/** @type {Platform} */
export const browser = {
  name: 'this browser',
  remedy: 'Use Chrome or Edge 103, Firefox 114, Safari 16.4 or newer, with WebAssembly allowed.',
  incomplete: 'Serve all of the package, in one folder; from another site, allow cross-origin reads of it.',
  forbidden: 'Load the classifier in a page whose security policy allows Workers.',

  // With WebAssembly SIMD, these came last to Safari (16.4), Firefox (114) and Chrome (103): with them a browser has all else.
  missing() {
    const present = { 'module Workers': moduleWorkers(), 'AbortSignal.timeout': Boolean(globalThis.AbortSignal?.timeout) };
    return Object.entries(present).flatMap(([feature, here]) => (here ? [] : feature));
  },

  // Threads share memory, which needs isolation from other sites' pages in the same process.
  sharesMemory: () => Boolean(globalThis.crossOriginIsolated),

  gpu: () => /** @type {any} */ (globalThis.navigator)?.gpu,

  resolve: (address, base = globalThis.document?.baseURI ?? globalThis.location.href) => new URL(address, base).href,

  startWorker,

  fetch: (address, options) => fetch(address, options),

  keeps: () => 'caches' in globalThis,

  // There is none on an insecure address, or if storage is switched off.
  async openCache(base) {
    try {
      return (await self.caches?.open(`memeclip ${base}`)) ?? null;
    } catch {
      return null;
    }
  },

  channel: (name) => new BroadcastChannel(name),

  whileAwaited: (promise) => promise,
};

/** Whether Workers may be modules: only then does the constructor read `type`. The address is invalid, so none starts. */
function moduleWorkers() {
  let read = false;
  try {
    // Not written so that bundlers look for the file.
    new globalThis.Worker('https://[', {
      get type() {
        read = true;
        return /** @type {const} */ ('module');
      },
    });
  } catch {
    // Always.
  }
  return read;
}
