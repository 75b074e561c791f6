/**
 * Creates an element.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} className
 * @param {...(string | Node)} children
 */
export function createElement(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * The element's shadow root, also a closed one.
 * @param {Element} element
 * @returns {ShadowRoot | null | undefined}
 */
export function shadowRootOf(element) {
  if ('openOrClosedShadowRoot' in element) return /** @type {ShadowRoot | null} */ (element.openOrClosedShadowRoot); // Firefox
  return element instanceof HTMLElement ? chrome.dom?.openOrClosedShadowRoot(element) : null; // Chromium
}

/**
 * The element's parent in the layout: through slots, and out of shadow roots.
 * @param {Element} element
 * @returns {Element | null}
 */
export function layoutParent(element) {
  const { assignedSlot, parentElement, parentNode } = element;
  return assignedSlot ?? parentElement ?? (parentNode instanceof ShadowRoot ? parentNode.host : null);
}
