/** Milliseconds for a Worker's script to come and say a first word. Browsers wait for ever. */
const PATIENCE = 60_000;
/** Addresses of scripts of this site that import a module, by its own address. */
const importing = new Map();

/**
 * Starts a module as a Worker; if it stays silent, that is an `error` event like others. `own` starts it in the form that
 * bundlers know. Without it a script of this site imports the module: a browser binds that one by the security policy of
 * whoever starts it, as it does no Worker with an address of its own; what it starts in turn is bound likewise. And the
 * module may be another site's, a CDN's for one, which browsers refuse else.
 */
export function start(script, own) {
  const worker = create(script, own);
  const late = setTimeout(() => worker.dispatchEvent(new Event('error', { cancelable: true })), PATIENCE);
  worker.addEventListener('message', () => clearTimeout(late), { once: true });
  return worker;
}

function create(script, own) {
  // A bundler may have put a file's name there.
  const elsewhere = /^https?:/.test(script) && script.origin !== self.origin;
  if (own && !elsewhere && self.location.protocol !== 'blob:') return own();
  const { href } = script;
  if (!importing.has(href)) {
    const code = new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' });
    importing.set(href, URL.createObjectURL(code));
  }
  return new Worker(importing.get(href), { type: 'module' });
}
