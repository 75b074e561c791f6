import { failure } from './error.js';
import { onHub } from './hub.js';
import { platform } from './platform.js';

/**
 * A whole address; `url` may be relative to `base`, by default the page.
 * @param {string | URL} url
 * @param {string} [base]
 */
export function absolute(url, base) {
  try {
    return platform.resolve(url, base);
  } catch {
    throw failure('argument', `'${url}' is not a valid address`, 'Give one such as https://example.org/pack/.');
  }
}

/**
 * A pack's address, or another folder's, with a slash at its end.
 * @param {string | URL} url
 */
export function folder(url) {
  const address = onHub(String(url)) ?? absolute(url);
  return `${address.replace(/manifest\.json$/, '').replace(/\/+$/, '')}/`;
}

/**
 * Why there is no file at an address that was asked for, by the status of the answer.
 * @param {string} url
 * @param {number} status
 */
export function refusal(url, status) {
  return url.startsWith('file:') ? 'there is no such file' : `the server answers ${status}`;
}
