// Keeps the page for visits without a connection, and tells it what it asks the network for. Weights pass through:
// loader.js keeps them.

const CACHE = 'memeclip page';
const requests = new BroadcastChannel('memeclip requests');
// TypeScript has no types for service workers and pages together.
const worker = /** @type {any} */ (self);

worker.addEventListener('install', () => worker.skipWaiting());

// A page that was loaded without this worker asks for it.
worker.addEventListener('message', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { request } = event;
  event.waitUntil(tell(request.clone()));
  const weights = /\.safetensors$|\/manifest\.json$/.test(new URL(request.url).pathname);
  if (request.method === 'GET' && request.url.startsWith(worker.registration.scope) && !weights) event.respondWith(latest(event));
});

/** @param {Request} request */
async function tell(request) {
  const sent = request.method === 'GET' ? 0 : (await request.blob()).size;
  requests.postMessage({ method: request.method, url: request.url, sent });
}

/**
 * The file as the server has it now; without a connection, as it was last time.
 * @param {any} event
 */
async function latest(event) {
  const { request } = event;
  const cache = await caches.open(CACHE).catch(() => null);
  try {
    const response = await fetch(request);
    if (response.status === 200 && cache) event.waitUntil(cache.put(request, response.clone()).catch(() => {}));
    return isolated(request, response);
  } catch (error) {
    const kept = await cache?.match(request, { ignoreSearch: true });
    if (!kept) throw error;
    return isolated(request, kept);
  }
}

/**
 * Threads share memory, for which the page must be isolated: many hosts of static files cannot send the headers.
 * @param {Request} request
 * @param {Response} response
 */
function isolated(request, response) {
  if (!response.ok || response.redirected || !['document', 'worker'].includes(request.destination)) return response;
  const headers = new Headers(response.headers);
  headers.set('cross-origin-opener-policy', 'same-origin');
  headers.set('cross-origin-embedder-policy', 'require-corp');
  return new Response(response.body, { headers });
}
