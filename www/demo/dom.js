// Elements of the page, by name. One that is missing, or of another kind, is a bug in index.html.

/**
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function byId(id, kind) {
  return find(document, `#${id}`, kind);
}

/**
 * The first element below `parent` that the selector finds.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function find(parent, selector, kind = /** @type {any} */ (HTMLElement)) {
  const element = parent.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} ${selector}`);
  return element;
}
