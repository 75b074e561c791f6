// One classifier for all elements that name the same weights, opened when one of them first needs it.

import { folder } from './address.js';
import { MemeClip } from './memeclip.js';

/** @import { LoadOptions, Progress } from './types.js' */
/** @typedef {{ onProgress: (progress: Progress) => void }} User */
/** @typedef {{ classifier: Promise<MemeClip>, users: Set<User> }} Shared */

/** Milliseconds without a user after which it is disposed of: an element that is moved comes back. */
const LINGER = 1000;
/**
 * By address.
 * @type {Map<string, Shared>}
 */
const all = new Map();

/**
 * The classifier for a user that has not left.
 * @param {string} weights
 * @param {LoadOptions} options Those of whoever comes first.
 * @param {User} user
 */
export function join(weights, options, user) {
  const address = folder(weights);
  const shared = all.get(address) ?? open(address, weights, options);
  shared.users.add(user);
  return shared.classifier;
}

/**
 * @param {string} weights As it was joined with.
 * @param {User} user
 */
export function leave(weights, user) {
  const address = folder(weights);
  const shared = all.get(address);
  shared?.users.delete(user);
  setTimeout(() => {
    if (!shared || shared.users.size > 0 || all.get(address) !== shared) return;
    all.delete(address);
    shared.classifier.then((classifier) => classifier.dispose(), () => {});
  }, LINGER);
}

/**
 * @param {string} address
 * @param {string} weights
 * @param {LoadOptions} options
 * @returns {Shared}
 */
function open(address, weights, options) {
  /** @type {Set<User>} */
  const users = new Set();
  const onProgress = (/** @type {Progress} */ progress) => users.forEach((user) => user.onProgress(progress));
  const shared = { classifier: MemeClip.load(weights, { ...options, onProgress }), users };
  all.set(address, shared);
  // The next one tries again.
  shared.classifier.catch(() => all.get(address) === shared && all.delete(address));
  return shared;
}
