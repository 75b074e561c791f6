/** Milliseconds for a Worker's script to come and say a first word. Browsers wait for ever. */
const PATIENCE = 60_000;

/**
 * Starts a module as a Worker; if it stays silent, that is an `error` event like others. `own` starts it in the form that
 * bundlers know; but browsers refuse a script of another site, a CDN's for one: then a script of this site imports it.
 */
export function start(script, own = () => new Worker(script, { type: 'module' })) {
  const worker = create(script, own);
  const late = setTimeout(() => worker.dispatchEvent(new Event('error', { cancelable: true })), PATIENCE);
  worker.addEventListener('message', () => clearTimeout(late), { once: true });
  return worker;
}

function create(script, own) {
  // A bundler may have put a file's name there.
  const elsewhere = /^https?:/.test(script) && script.origin !== self.origin;
  if (!elsewhere) return own();
  const importing = new Blob([`import ${JSON.stringify(script)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(importing), { type: 'module' });
}
