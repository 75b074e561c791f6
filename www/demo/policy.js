// The page may connect to its own site and to that of the pack, no others. Which one that is, only its address says: this is
// added to the policy in index.html, before any other script runs, and binds the Workers too.

const named = new URLSearchParams(location.search).get('weights');
/** The pack's address, as the page's says it. */
export const weights = named ?? 'weights/';

const { origin } = URL.canParse(weights, document.baseURI) ? new URL(weights, document.baseURI) : location;
const policy = document.createElement('meta');
policy.httpEquiv = 'Content-Security-Policy';
policy.content = `connect-src 'self' ${origin}`;
document.head.append(policy);
