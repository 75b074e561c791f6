/** Milliseconds for a Worker's script to arrive and send a first message. Browsers wait for ever. */
const TIMEOUT = 60_000;
/**
 * Addresses of `blob:` scripts that import a module, by the module's address.
 * @type {Map<string, string>}
 */
const importing = new Map();

/**
 * Starts a module as a Worker; if it sends nothing, that is an `error` event like others. `create` starts it in the form that
 * bundlers know. Without it a `blob:` script imports the module: a browser binds such a Worker by the security policy of
 * whoever starts it, as it does no Worker with an address of its own; the Workers that it starts are bound likewise. And
 * the module may be another site's, a CDN's for instance, which browsers refuse otherwise.
 * @param {URL} script
 * @param {() => Worker} [create]
 */
export function startWorker(script, create) {
  const worker = construct(script, create);
  const late = setTimeout(() => worker.dispatchEvent(new Event('error', { cancelable: true })), TIMEOUT);
  worker.addEventListener('message', () => clearTimeout(late), { once: true });
  return worker;
}

/**
 * @param {URL} script
 * @param {() => Worker} [create]
 */
function construct(script, create) {
  // A bundler may have put a file's name there.
  const elsewhere = /^https?:/.test(String(script)) && script.origin !== self.origin;
  if (create && !elsewhere && self.location.protocol !== 'blob:') return create();
  const { href } = script;
  let address = importing.get(href);
  if (address === undefined) {
    const code = new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' });
    address = URL.createObjectURL(code);
    importing.set(href, address);
  }
  return new Worker(address, { type: 'module' });
}
