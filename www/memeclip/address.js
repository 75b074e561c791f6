import { failure } from './error.js';

/**
 * A whole address; `url` may be relative to `base`, by default the page.
 * @param {string | URL} url
 * @param {string} [base]
 */
export function absolute(url, base = globalThis.document?.baseURI ?? globalThis.location.href) {
  try {
    return new URL(url, base).href;
  } catch {
    throw failure('argument', `'${url}' is not a valid address`, 'Give one such as https://example.org/pack/.');
  }
}

/**
 * A pack's address, or another folder's, with a slash at its end.
 * @param {string | URL} url
 */
export function folder(url) {
  return `${absolute(url).replace(/manifest\.json$/, '').replace(/\/+$/, '')}/`;
}
