/**
 * The promise's value. Fails after so many milliseconds: some promises of browsers never settle.
 * @template T
 * @param {number} milliseconds
 * @param {T | PromiseLike<T>} promise
 * @returns {Promise<T>}
 */
export function withTimeout(milliseconds, promise) {
  return new Promise((resolve, reject) => {
    const late = new Error(`nothing came in ${milliseconds / 1000} seconds`);
    const timer = setTimeout(reject, milliseconds, late);
    Promise.resolve(promise).then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * A signal that aborts with the first of these. (`AbortSignal.any` came to Firefox and Safari in 2024.)
 * @param {AbortSignal[]} signals
 */
export function anySignal(signals) {
  const any = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) any.abort(signal.reason);
    signal.addEventListener('abort', () => any.abort(signal.reason), { once: true, signal: any.signal });
  }
  return any.signal;
}
