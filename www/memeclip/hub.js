// Packs on the Hugging Face Hub.

import { failure } from './error.js';

const HUB = 'https://huggingface.co';
/** What a page's security policy must allow in `connect-src`: the hub answers with addresses of other hosts. */
export const HUB_SOURCES = `${HUB} https://*.huggingface.co https://*.hf.co`;

/**
 * The web address of `hf:owner/name`, also with a revision and a folder, as `hf:owner/name@revision/folder`; null if it does
 * not begin with `hf:`.
 * @param {string} address
 */
export function onHub(address) {
  if (!address.startsWith('hf:')) return null;
  const parts = /^hf:([\w.-]+\/[\w.-]+)(?:@([^@/]+))?((?:\/(?!\.\.?(?:\/|$))[^/]+)*)\/?$/.exec(address);
  if (!parts) throw failure('argument', `'${address}' names no model of the hub`, 'Give one such as hf:owner/name or hf:owner/name@revision/folder.');
  const [, model, revision = 'main', folder] = parts;
  const encoded = (/** @type {string} */ path) => path.split('/').map(encodeURIComponent).join('/');
  return `${HUB}/${model}/resolve/${encoded(revision)}${encoded(folder)}/`;
}
