/**
 * Starts a module as a Worker. `own` does so in the form that bundlers know; but browsers refuse a script of another site,
 * a CDN's for one: then a script of this site imports it.
 */
export function start(script, own = () => new Worker(script, { type: 'module' })) {
  if (script.origin === self.origin) return own();
  const importing = new Blob([`import ${JSON.stringify(script.href)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(importing), { type: 'module' });
}
