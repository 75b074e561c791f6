// Starts the threads of the cpu engine, on a page that is cross-origin isolated.

/**
 * Makes the WebAssembly compute on `count` threads: this one and `count - 1` Workers. If they cannot be had, this one
 * computes alone. `crashes`: name of the BroadcastChannel on which a thread that fails later says so.
 */
export async function startThreads(wasm, build, module, memory, count, crashes) {
  const workers = [];
  const started = () => {
    const worker = new Worker(new URL('thread.js', import.meta.url), { type: 'module', name: 'memeclip thread' });
    workers.push(worker);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data: error }) => (error ? reject(error) : resolve());
      worker.onerror = reject;
      worker.postMessage({ build, module, memory, crashes });
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
