/** Reports which watched elements are in or near the viewport and large enough to be more than an icon. */
export class Viewport {
  #onEnter;
  #onLeave;
  #minimum;
  #intersections;
  /** Watches the small elements, which may grow: a thumbnail may open to a full image. */
  #sizes;

  /**
   * @param {number} minimum Pixels of the shorter side.
   * @param {(element: Element) => void} onEnter May be called again for an element that is already in.
   * @param {(element: Element) => void} onLeave May be called again for an element that is already out.
   */
  constructor(minimum, onEnter, onLeave) {
    this.#minimum = minimum;
    this.#onEnter = onEnter;
    this.#onLeave = onLeave;
    // The entries contain the sizes, so this never forces a layout.
    this.#intersections = new IntersectionObserver((entries) => this.#intersected(entries), { rootMargin: '50%' });
    this.#sizes = new ResizeObserver((entries) => this.#resized(entries));
  }

  /**
   * Watches the element, and reports it again if it is watched already.
   * @param {Element} element
   */
  watch(element) {
    this.#intersections.unobserve(element);
    this.#intersections.observe(element);
  }

  stop() {
    this.#intersections.disconnect();
    this.#sizes.disconnect();
  }

  #intersected(entries) {
    for (const { target, isIntersecting, boundingClientRect: { width, height } } of entries) {
      const large = Math.min(width, height) >= this.#minimum;
      if (large) this.#sizes.unobserve(target);
      else this.#sizes.observe(target);
      if (large && isIntersecting) this.#onEnter(target);
      else this.#onLeave(target);
    }
  }

  #resized(entries) {
    for (const { target, borderBoxSize: [{ inlineSize, blockSize }] } of entries) {
      if (Math.min(inlineSize, blockSize) >= this.#minimum) this.watch(target);
    }
  }
}
