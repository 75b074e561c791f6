/** Milliseconds of scanning when the page leaves no idle time. */
const SLICE = 4;
/** Milliseconds after which custom elements without a shadow root are looked at again: they get it when their script runs. */
const UPGRADE = 1000;

/** Finds elements with pictures, also those that come later and those in shadow roots, in the browser's idle time. */
class Finder {
  #found;
  #mutations = new MutationObserver((records) => this.#changed(records));
  #stop;
  /** Walks through subtrees that are still to be scanned. */
  #walks = [];
  /** Elements to look at again, without what is in them. */
  #again = new Set();
  #roots = new Set();
  #rootless = new Set();
  #idle = null;
  #timer;

  /** `found(element)`: it shows a picture, or another one than before. */
  constructor(found) {
    this.#found = found;
  }

  start() {
    this.#stop = new AbortController();
    this.#enter(document);
    // Style sheets are there now.
    const { signal } = this.#stop;
    window.addEventListener('load', () => this.#scan(document), { once: true, signal });
    this.#timer = setInterval(() => this.#upgraded(), UPGRADE);
  }

  stop() {
    this.#stop?.abort();
    this.#mutations.disconnect();
    clearInterval(this.#timer);
    this.#walks = [];
    for (const elements of [this.#again, this.#roots, this.#rootless]) elements.clear();
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
    // Does not bubble, but is seen on its way down; not from outside of a shadow root.
    const loaded = ({ target }) => target.localName === 'img' && this.#found(target);
    root.addEventListener('load', loaded, { capture: true, signal: this.#stop.signal });
    this.#scan(root);
  }

  #changed(records) {
    for (const { type, target, addedNodes } of records) {
      if (type === 'attributes') this.#again.add(target);
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) this.#scan(node);
    }
    this.#wake();
  }

  #scan(root) {
    // A walk begins behind its root.
    if (root.nodeType === Node.ELEMENT_NODE) this.#again.add(root);
    this.#walks.push(document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT));
    this.#wake();
  }

  #wake() {
    this.#idle ??= requestIdleCallback((deadline) => this.#work(deadline), { timeout: 500 });
  }

  #work(deadline) {
    this.#idle = null;
    const end = performance.now() + Math.max(SLICE, deadline.timeRemaining() / 2);
    while (performance.now() < end) {
      const element = this.#next();
      if (!element) return;
      this.#look(element);
    }
    this.#wake();
  }

  #next() {
    for (const element of this.#again) {
      this.#again.delete(element);
      return element;
    }
    while (this.#walks.length > 0) {
      const walk = this.#walks[0];
      const element = walk.nextNode();
      if (element) return element;
      this.#walks.shift();
    }
  }

  #look(element) {
    if (element.localName === LAYER) return;
    if (element.localName === 'img') return this.#found(element);
    const root = shadowRootOf(element);
    if (root) this.#enter(root);
    else if (element.localName.includes('-')) this.#rootless.add(element);
    if (backgroundOf(element)) this.#found(element);
  }

  #upgraded() {
    for (const element of this.#rootless) {
      const root = shadowRootOf(element);
      if (root) this.#enter(root);
      if (root || !element.isConnected) this.#rootless.delete(element);
    }
    for (const root of this.#roots) if (!root.isConnected) this.#roots.delete(root);
  }
}

/** An element's shadow root, also a closed one. */
function shadowRootOf(element) {
  // Firefox and Chromium.
  return element.openOrClosedShadowRoot ?? (element instanceof HTMLElement ? chrome.dom?.openOrClosedShadowRoot(element) : null);
}
