import { createElement, layoutParent, shadowRootOf } from './dom.js';
import { STYLE } from './style.js';

/** Name of the elements that contain the notices. */
export const LAYER = 'memeclip-layer';
/** Milliseconds between updates for movements that no event reports. */
const UPDATE_INTERVAL = 250;

/**
 * @typedef {object} Surroundings Where an image is in the layout.
 * @property {Element} container What the image moves with: the document, or what stays in place above it, such as a dialog.
 * @property {Element[]} clips Ancestors that clip it.
 * @property {number} zIndex Its z-index within the container: that of its outermost ancestor that has one.
 */

/**
 * Notices over images. They are in elements of our own behind a closed shadow root, so the page's layout does not change.
 * The elements are part of the document, so they scroll with it, and have the z-index of their image, so that headers and
 * dialogs stay above them.
 */
export class Covers {
  /**
   * By container.
   * @type {Map<Element, { host: HTMLElement, root: ShadowRoot }>}
   */
  #layers = new Map();
  /**
   * By the element that shows the image.
   * @type {Map<Element, { box: HTMLElement } & Surroundings>}
   */
  #boxes = new Map();
  #frame = null;
  #timer = null;
  #sizes = new ResizeObserver(() => this.update());
  #listeners = new AbortController();

  constructor() {
    const { signal } = this.#listeners;
    const update = () => this.update();
    for (const name of ['scroll', 'load', 'transitionend', 'toggle']) {
      document.addEventListener(name, update, { capture: true, passive: true, signal });
    }
    window.addEventListener('resize', update, { signal });
  }

  /**
   * Shows `content` over the element.
   * @param {Element} element
   * @param {HTMLElement} content
   * @param {string} name The accessible name.
   */
  show(element, content, name) {
    const old = this.#boxes.get(element);
    const focused = old && /** @type {ShadowRoot} */ (old.box.getRootNode()).activeElement;
    const box = createElement('div', 'box', content);
    box.role = 'group';
    box.ariaLabel = name;
    // Until the next frame it is where the old one was, or hidden.
    box.hidden = old?.box.hidden ?? true;
    if (old) box.style.cssText = old.box.style.cssText;
    this.#boxes.set(element, { box, ...surroundingsOf(element) });
    const root = this.#layer(element);
    if (old?.box.parentNode === root) old.box.replaceWith(box);
    else {
      old?.box.remove();
      root.append(box);
    }
    if (focused && old.box.contains(focused)) {
      /** @type {HTMLElement | null} */ (box.querySelector('button, summary'))?.focus({ preventScroll: true });
    }
    if (!old) this.#sizes.observe(element);
    this.#timer ??= setInterval(() => this.#updateSurroundings(), UPDATE_INTERVAL);
    this.update();
  }

  /** @param {Element} element */
  hide(element) {
    this.#boxes.get(element)?.box.remove();
    if (!this.#boxes.delete(element)) return;
    this.#sizes.unobserve(element);
    if (this.#boxes.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  clear() {
    for (const element of this.#boxes.keys()) this.hide(element);
    for (const { host } of this.#layers.values()) host.remove();
    this.#layers.clear();
  }

  /** Stops for good. */
  end() {
    this.clear();
    this.#listeners.abort();
  }

  /** Moves the boxes to their images in the next frame. */
  update() {
    if (this.#boxes.size > 0 && this.#frame === null) this.#frame = requestAnimationFrame(() => this.#position());
  }

  /** Updates what is around the images, which costs more than their positions. */
  #updateSurroundings() {
    for (const [element, shown] of this.#boxes) {
      Object.assign(shown, surroundingsOf(element));
      const root = this.#layer(element);
      if (shown.box.parentNode !== root) root.append(shown.box);
    }
    this.update();
  }

  #position() {
    this.#frame = null;
    // All reads come before all writes, so that the layout is computed once.
    const positions = Array.from(this.#boxes, ([element, { box, clips, zIndex }]) => {
      const origin = /** @type {ShadowRoot} */ (box.getRootNode()).host.getBoundingClientRect();
      const rect = element.getBoundingClientRect();
      const clipped = clips.map((clip) => clip.getBoundingClientRect()).reduce(intersect, rect);
      const visible = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      return { box, origin, rect, clipped, zIndex, visible };
    });
    for (const { box, origin, rect, clipped, zIndex, visible } of positions) {
      box.hidden = !visible || clipped.right <= clipped.left || clipped.bottom <= clipped.top;
      if (box.hidden) continue;
      box.style.zIndex = `${zIndex}`;
      box.style.transform = `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`;
      box.style.width = `${rect.width}px`;
      box.style.height = `${rect.height}px`;
      const insets = [clipped.top - rect.top, rect.right - clipped.right, rect.bottom - clipped.bottom, clipped.left - rect.left];
      // Without clipping, a label may be larger than a small image.
      box.style.clipPath = insets.some((pixels) => pixels > 0) ? `inset(${insets.map((pixels) => `${pixels}px`).join(' ')})` : '';
    }
  }

  /** The shadow root that the element's box belongs in. */
  #layer(element) {
    const { container } = this.#boxes.get(element);
    let layer = this.#layers.get(container);
    if (!layer) {
      const host = document.createElement(LAYER);
      const style = { all: 'initial', position: 'absolute', top: '0', left: '0' };
      for (const [name, value] of Object.entries(style)) host.style.setProperty(name, value, 'important');
      const root = host.attachShadow({ mode: 'closed' });
      root.append(createElement('style', '', STYLE));
      layer = { host, root };
      this.#layers.set(container, layer);
    }
    // Children of an element with a shadow root are not shown. And pages may replace all of their content.
    const parent = shadowRootOf(container) ?? container;
    if (layer.host.parentNode !== parent) parent.append(layer.host);
    return layer.root;
  }
}

/**
 * @param {Element} element
 * @returns {Surroundings}
 */
function surroundingsOf(element) {
  const clips = [];
  let height = 0;
  for (let node = element; node && node !== document.documentElement; node = layoutParent(node)) {
    const { overflow, position, zIndex } = getComputedStyle(node);
    if (node !== element) {
      if (position === 'fixed' || node.matches(':modal, :popover-open, :fullscreen')) return { container: node, clips, zIndex: height };
      if (overflow !== 'visible' && node !== document.body) clips.push(node);
    }
    if (zIndex !== 'auto') height = Math.max(0, Number(zIndex));
  }
  return { container: document.documentElement, clips, zIndex: height };
}

/** The intersection of two rectangles. */
function intersect(a, b) {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}
