// Packs on the Hugging Face Hub.

import { failure } from './error.js';

const HUB = 'https://huggingface.co';
/** What a page's security policy must allow in `connect-src`: the hub answers with addresses of other hosts. */
export const HUB_SOURCES = `${HUB} https://*.huggingface.co https://*.hf.co`;

/**
 * The web address of `hf:owner/name`, also with a revision and a folder, as `hf:owner/name@revision/folder`, and as `hf://…`;
 * null if it does not begin with `hf:`.
 * @param {string} address
 */
export function onHub(address) {
  if (!address.startsWith('hf:')) return null;
  const parts =
    /^hf:(?:\/\/(?:models\/)?)?([\w.-]+\/[\w.-]+)(?:@(refs\/[^@/]+\/[^@/]+|[^@/]+))?((?:\/(?!\.\.?(?:\/|$))[^/]+)*)\/?$/.exec(address);
  const revision = decoded(parts?.[2] ?? 'main');
  if (!parts || revision === null) throw failure('argument', `'${address}' names no model of the hub`, 'Give one such as hf:owner/name or hf:owner/name@revision/folder.');
  const [, model, , folder] = parts;
  const encoded = folder.split('/').map(encodeURIComponent).join('/');
  return `${HUB}/${model}/resolve/${encodeURIComponent(revision)}${encoded}/`;
}

/**
 * A revision without `%`, by which people write the slashes of a branch; null if it is none.
 * @param {string} text
 */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
