/**
 * Starts a module as a Worker. `own` does so in the form that bundlers know; but browsers refuse a script of another
 * site, a CDN's for one: then a script of this site imports it.
 */
export function start(script, own = () => new Worker(script, { type: 'module' })) {
  // A bundler may have put a file's name there.
  const elsewhere = /^https?:/.test(script) && script.origin !== self.origin;
  if (!elsewhere) return own();
  const importing = new Blob([`import ${JSON.stringify(script)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(importing), { type: 'module' });
}
