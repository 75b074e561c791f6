// No event tells that a Worker has ended, because the browser needed its memory for instance. But its locks are free then.

/**
 * Holds a lock while this Worker lives, and names it on the BroadcastChannel `channel`. Where browsers have no locks, on an
 * insecure address, the page does not hear of the Worker's end.
 * @param {string} channel
 * @returns {Promise<void>}
 */
export async function holdLock(channel) {
  const { locks } = self.navigator;
  if (!locks) return;
  const lock = `${channel} ${Math.random()}`;
  await new Promise((resolve) => {
    const hold = () => {
      new BroadcastChannel(channel).postMessage({ lock });
      resolve(undefined);
      return new Promise(() => {});
    };
    locks.request(lock, hold).catch(resolve);
  });
}

/**
 * Calls `ended` when the Worker that holds the lock has ended, unless `signal` comes first.
 * @param {string} lock
 * @param {AbortSignal} signal
 * @param {() => void} ended
 */
export function watchLock(lock, signal, ended) {
  navigator.locks.request(lock, { signal }, ended).catch(() => {});
}
