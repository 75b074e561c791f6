/** The promise's value. Fails after so many milliseconds: some promises of browsers have no end. */
export function within(milliseconds, promise) {
  const { promise: late, reject } = Promise.withResolvers();
  const timer = setTimeout(reject, milliseconds, new Error(`nothing came in ${milliseconds / 1000} seconds`));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
