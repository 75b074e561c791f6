/** Name of the elements that hold what is shown. */
const LAYER = 'memeclip-layer';
/** Milliseconds between two looks at where the pictures are, for movements that no event tells of. */
const DRIFT = 250;

/**
 * Notices over pictures, in elements of our own behind a closed shadow root: the page's layout stays as it is. They lie in
 * the document, so that they scroll with it, and each as high as its picture: headers and dialogs are above both.
 */
class Covers {
  /** By the element that holds it: the document, or what stays in place above it, such as a dialog. */
  #layers = new Map();
  /** By the picture's element. */
  #boxes = new Map();
  #frame = null;
  #timer = null;
  #resizes = new ResizeObserver(() => this.place());
  #events = new AbortController();

  constructor() {
    const { signal } = this.#events;
    const place = () => this.place();
    for (const name of ['scroll', 'load', 'transitionend', 'toggle']) {
      document.addEventListener(name, place, { capture: true, passive: true, signal });
    }
    window.addEventListener('resize', place, { signal });
  }

  /** Shows `content` over the element, under a name that is read to those who do not see it. */
  show(element, content, name) {
    const old = this.#boxes.get(element);
    const focused = old?.box.getRootNode().activeElement;
    const box = part('div', 'box', content);
    box.role = 'group';
    box.ariaLabel = name;
    // Until the next frame: where the old one was, or nowhere.
    box.hidden = old?.box.hidden ?? true;
    if (old) box.style.cssText = old.box.style.cssText;
    this.#boxes.set(element, { box, ...surroundings(element) });
    const root = this.#layer(element);
    if (old?.box.parentNode === root) old.box.replaceWith(box);
    else {
      old?.box.remove();
      root.append(box);
    }
    if (focused && old.box.contains(focused)) box.querySelector('button, summary')?.focus({ preventScroll: true });
    if (!old) this.#resizes.observe(element);
    this.#timer ??= setInterval(() => this.#survey(), DRIFT);
    this.place();
  }

  hide(element) {
    this.#boxes.get(element)?.box.remove();
    if (!this.#boxes.delete(element)) return;
    this.#resizes.unobserve(element);
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
    this.#events.abort();
  }

  /** Brings the boxes to where the pictures are, in the next frame. */
  place() {
    if (this.#boxes.size > 0) this.#frame ??= requestAnimationFrame(() => this.#place());
  }

  /** Looks at what is around the pictures, which costs more than to look where they are. */
  #survey() {
    for (const [element, shown] of this.#boxes) {
      Object.assign(shown, surroundings(element));
      const root = this.#layer(element);
      if (shown.box.parentNode !== root) root.append(shown.box);
    }
    this.place();
  }

  #place() {
    this.#frame = null;
    // All reading before all writing, so that the layout is computed once.
    const places = Array.from(this.#boxes, ([element, { box, clips, height }]) => {
      const origin = box.getRootNode().host.getBoundingClientRect();
      const rect = element.getBoundingClientRect();
      const seen = clips.map((clip) => clip.getBoundingClientRect()).reduce(overlap, rect);
      const visible = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      return { box, origin, rect, seen, height, visible };
    });
    for (const { box, origin, rect, seen, height, visible } of places) {
      box.hidden = !visible || seen.right <= seen.left || seen.bottom <= seen.top;
      if (box.hidden) continue;
      box.style.zIndex = height;
      box.style.transform = `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`;
      box.style.width = `${rect.width}px`;
      box.style.height = `${rect.height}px`;
      const inset = [seen.top - rect.top, rect.right - seen.right, rect.bottom - seen.bottom, seen.left - rect.left];
      // A label may be larger than a small picture.
      box.style.clipPath = inset.some((pixels) => pixels > 0) ? `inset(${inset.map((pixels) => `${pixels}px`).join(' ')})` : '';
    }
  }

  /** The shadow root to put the element's box in. */
  #layer(element) {
    const { holder } = this.#boxes.get(element);
    let layer = this.#layers.get(holder);
    if (!layer) {
      const host = document.createElement(LAYER);
      const style = { all: 'initial', position: 'absolute', top: '0', left: '0' };
      for (const [name, value] of Object.entries(style)) host.style.setProperty(name, value, 'important');
      const root = host.attachShadow({ mode: 'closed' });
      root.append(part('style', '', STYLE));
      layer = { host, root };
      this.#layers.set(holder, layer);
    }
    // What is beside a shadow root is not shown. And pages may replace all that they have.
    const parent = shadowRootOf(holder) ?? holder;
    if (layer.host.parentNode !== parent) parent.append(layer.host);
    return layer.root;
  }
}

/** The element's parent as it is laid out: out of shadow roots, through slots. */
function parentOf(node) {
  return node.assignedSlot ?? node.parentElement ?? (node.parentNode instanceof ShadowRoot ? node.parentNode.host : null);
}

/**
 * `holder`: what the picture moves with; `clips`: its ancestors that cut off what reaches beyond them; `height`: the z-index
 * that it has in its holder, which is that of the outermost of its ancestors that has one.
 */
function surroundings(element) {
  const clips = [];
  let height = 0;
  for (let node = element; node && node !== document.documentElement; node = parentOf(node)) {
    const { overflow, position, zIndex } = getComputedStyle(node);
    if (node !== element) {
      if (position === 'fixed' || node.matches(':modal, :popover-open, :fullscreen')) return { holder: node, clips, height };
      if (overflow !== 'visible' && node !== document.body) clips.push(node);
    }
    if (zIndex !== 'auto') height = Math.max(0, zIndex);
  }
  return { holder: document.documentElement, clips, height };
}

function overlap(a, b) {
  const [left, top] = [Math.max(a.left, b.left), Math.max(a.top, b.top)];
  const [right, bottom] = [Math.min(a.right, b.right), Math.min(a.bottom, b.bottom)];
  return { left, top, right, bottom };
}
