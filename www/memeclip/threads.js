// Starts the threads of the cpu engine, on a page that is cross-origin isolated.

import { start } from './start.js';

const here = import.meta.url;

/**
 * Makes the WebAssembly compute on `count` threads: this one and `count - 1` Workers. If they cannot be had, this one
 * computes alone. `script`: address of the WebAssembly's JavaScript. `channel`: name of the BroadcastChannel on which a
 * thread that fails later says so.
 */
export async function startThreads(wasm, script, module, memory, count, channel) {
  const workers = [];
  const started = () => {
    const own = () => new Worker(new URL('./thread.js', import.meta.url), { type: 'module', name: 'memeclip-thread' });
    const worker = start(new URL('thread.js', here), own);
    workers.push(worker);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data: error }) => (error ? reject(error) : resolve());
      worker.onerror = reject;
      worker.postMessage({ script, module, memory, channel });
    });
  };
  try {
    await Promise.all(Array.from({ length: count - 1 }, started));
  } catch {
    for (const worker of workers) worker.terminate();
    return;
  }
  wasm.startThreads(count);
}
