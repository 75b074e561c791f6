// The page may connect to its own site and to those of the packs (of the hub, to its hosts), no others. Which packs these are,
// index.html and the page's address say: this is added to the policy in index.html, before any other script runs, and binds
// the Workers too.

import { byId } from './dom.js';
import { HUB_SOURCES } from './memeclip/hub.js';

const packs = byId('weights', HTMLSelectElement);
const named = new URLSearchParams(location.search).get('weights');
if (named !== null) {
  // One that the page does not list is the only one.
  if (![...packs.options].some(({ value }) => value === named)) packs.replaceChildren(new Option(named, named));
  packs.value = named;
}
/** The address of the pack to begin with. */
export const weights = packs.value;

const policy = document.createElement('meta');
policy.httpEquiv = 'Content-Security-Policy';
policy.content = ["connect-src 'self'", ...[...packs.options].map(({ value }) => sourcesOf(value))].join(' ');
document.head.append(policy);

/** @param {string} address Of a pack. */
function sourcesOf(address) {
  return address.startsWith('hf:') ? HUB_SOURCES : originOf(address);
}

/**
 * The page's own if the address is not valid.
 * @param {string} address
 */
function originOf(address) {
  try {
    return new URL(address, document.baseURI).origin;
  } catch {
    return location.origin;
  }
}
