// Starts the threads of the cpu engine, on a page that is cross-origin isolated.

import { platform } from './platform.js';

/** @import { Thread } from './platform.js' */

const here = import.meta.url;

/**
 * Makes the WebAssembly compute on `count` threads: this one and `count - 1` Workers. If they cannot be had, this one
 * computes alone.
 * @param {any} wasm
 * @param {string} script Address of the WebAssembly's JavaScript.
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 * @param {number} count
 * @param {string} channel Name of the BroadcastChannel on which a thread that fails later says so.
 * @returns {Promise<number>} The threads that compute.
 */
export async function startThreads(wasm, script, module, memory, count, channel) {
  /** @type {Thread[]} */
  const workers = [];
  const start = () => {
    const create = () => new Worker(new URL('./thread.js', import.meta.url), { type: 'module', name: 'memeclip-thread' });
    const worker = platform.startWorker(new URL('thread.js', here), create);
    workers.push(worker);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data: error }) => (error ? reject(error) : resolve(undefined));
      worker.onerror = reject;
      worker.postMessage({ script, module, memory, channel });
    });
  };
  try {
    await Promise.all(Array.from({ length: count - 1 }, start));
  } catch {
    for (const worker of workers) worker.terminate();
    return 1;
  }
  wasm.startThreads(count);
  return count;
}
