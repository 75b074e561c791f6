/** Addresses of scripts that import one of another site: one for each, as the page keeps them as long as it lives. */
const importing = new Map();

/**
 * Starts a module as a Worker. `own` does so in the form that bundlers know; but browsers refuse a script of another
 * site, a CDN's for one: then a script of this site imports it.
 */
export function start(script, own = () => new Worker(script, { type: 'module' })) {
  // A bundler may have put a file's name there.
  const elsewhere = /^https?:/.test(script) && script.origin !== self.origin;
  if (!elsewhere) return own();
  const { href } = script;
  if (!importing.has(href)) {
    const code = new Blob([`import ${JSON.stringify(script)};`], { type: 'text/javascript' });
    importing.set(href, URL.createObjectURL(code));
  }
  return new Worker(importing.get(href), { type: 'module' });
}
