import { LAYER } from './covers.js';
import { shadowRootOf } from './dom.js';
import { backgroundAddress } from './image-source.js';

/** Milliseconds to scan for when the page leaves no idle time. */
const MIN_SLICE = 4;
/** Milliseconds between checks of custom elements that have no shadow root yet; they get it when their script runs. */
const UPGRADE_INTERVAL = 1000;

/** Finds elements with images in the browser's idle time, also those added later and those in shadow roots. */
export class Finder {
  #onFound;
  #mutations = new MutationObserver((records) => this.#mutated(records));
  /** @type {AbortController} */
  #abort;
  /**
   * Subtrees that are still to be scanned.
   * @type {TreeWalker[]}
   */
  #walkers = [];
  /**
   * Elements to look at again, without their descendants.
   * @type {Set<Element>}
   */
  #changed = new Set();
  /** @type {Set<Document | ShadowRoot>} */
  #roots = new Set();
  /**
   * Custom elements without a shadow root.
   * @type {Set<Element>}
   */
  #rootless = new Set();
  #idle = null;
  #timer;

  /** @param {(element: Element) => void} onFound Called when an element shows an image, or another one than before. */
  constructor(onFound) {
    this.#onFound = onFound;
  }

  start() {
    this.#abort = new AbortController();
    this.#enter(document);
    // By then the style sheets have loaded, and with them background images.
    window.addEventListener('load', () => this.#scan(document), { once: true, signal: this.#abort.signal });
    this.#timer = setInterval(() => this.#upgrade(), UPGRADE_INTERVAL);
  }

  stop() {
    this.#abort?.abort();
    this.#mutations.disconnect();
    clearInterval(this.#timer);
    this.#walkers = [];
    for (const set of [this.#changed, this.#roots, this.#rootless]) set.clear();
  }

  #enter(root) {
    if (this.#roots.has(root)) return;
    this.#roots.add(root);
    this.#mutations.observe(root, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ['src', 'srcset', 'style', 'class'],
    });
    // `load` does not bubble and does not leave shadow roots, but can be captured in each root.
    const onLoad = ({ target }) => target.localName === 'img' && this.#onFound(target);
    root.addEventListener('load', onLoad, { capture: true, signal: this.#abort.signal });
    this.#scan(root);
  }

  #mutated(records) {
    for (const { type, target, addedNodes } of records) {
      if (type === 'attributes') this.#changed.add(target);
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) this.#scan(node);
    }
    this.#schedule();
  }

  #scan(root) {
    // A TreeWalker does not return its root.
    if (root.nodeType === Node.ELEMENT_NODE) this.#changed.add(root);
    this.#walkers.push(document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT));
    this.#schedule();
  }

  #schedule() {
    if (this.#idle === null) this.#idle = requestIdleCallback((deadline) => this.#work(deadline), { timeout: 500 });
  }

  #work(deadline) {
    this.#idle = null;
    const end = performance.now() + Math.max(MIN_SLICE, deadline.timeRemaining() / 2);
    while (performance.now() < end) {
      const element = this.#next();
      if (!element) return;
      this.#inspect(element);
    }
    this.#schedule();
  }

  #next() {
    for (const element of this.#changed) {
      this.#changed.delete(element);
      return element;
    }
    while (this.#walkers.length > 0) {
      const element = this.#walkers[0].nextNode();
      if (element) return element;
      this.#walkers.shift();
    }
  }

  #inspect(element) {
    if (element.localName === LAYER) return;
    if (element.localName === 'img') return this.#onFound(element);
    const root = shadowRootOf(element);
    if (root) this.#enter(root);
    else if (element.localName.includes('-')) this.#rootless.add(element);
    if (backgroundAddress(element)) this.#onFound(element);
  }

  #upgrade() {
    for (const element of this.#rootless) {
      const root = shadowRootOf(element);
      if (root) this.#enter(root);
      if (root || !element.isConnected) this.#rootless.delete(element);
    }
    for (const root of this.#roots) if (!root.isConnected) this.#roots.delete(root);
  }
}
