/**
 * Starts a module as a Worker. `own` does so in the form that bundlers know. Without it a script of this site imports the
 * module: a browser binds that one by the security policy of whoever starts it, as it does no Worker with an address of its
 * own; what it starts in turn is bound likewise. And it may be of another site, a CDN's for one, which browsers refuse else.
 */
export function start(script, own) {
  // A bundler may have put a file's name there.
  const elsewhere = /^https?:/.test(script) && script.origin !== self.origin;
  if (own && !elsewhere && self.location.protocol !== 'blob:') return own();
  const importing = new Blob([`import ${JSON.stringify(script)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(importing), { type: 'module' });
}
