// The page may connect to its own site and to that of the pack (of the hub, to its hosts), no others. Which one that is, only its address says: this is
// added to the policy in index.html, before any other script runs, and binds the Workers too.

import { HUB_SOURCES } from './memeclip/hub.js';

const named = new URLSearchParams(location.search).get('weights');
/** The pack's address, as the page's says it. */
export const weights = named ?? 'weights/';

const policy = document.createElement('meta');
policy.httpEquiv = 'Content-Security-Policy';
policy.content = `connect-src 'self' ${weights.startsWith('hf:') ? HUB_SOURCES : originOf(weights)}`;
document.head.append(policy);

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
