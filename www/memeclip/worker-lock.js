// That a Worker has ended, because the browser needed its memory for one, is no event anywhere. But its locks are free then.

/**
 * Tells the page, on the BroadcastChannel `channel`, of a lock that this Worker holds while it lives. Where browsers have no
 * locks, on an insecure address, the page does not hear of its end.
 */
export async function live(channel) {
  const { promise, resolve } = Promise.withResolvers();
  const lock = `${channel} ${Math.random()}`;
  const hold = () => {
    new BroadcastChannel(channel).postMessage({ lock });
    resolve();
    return new Promise(() => {});
  };
  self.navigator.locks?.request(lock, hold).catch(resolve);
  if (self.navigator.locks) await promise;
}

/** Calls `ended` when the Worker that holds the lock has ended, unless `signal` comes first. */
export function watch(lock, signal, ended) {
  navigator.locks.request(lock, { signal }, ended).catch(() => {});
}
