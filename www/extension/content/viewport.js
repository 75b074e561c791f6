/** Tells which of the watched elements are in or near the viewport, and large enough to be more than an icon. */
class Viewport {
  #enter;
  #leave;
  #minimum;
  #visible;
  #small;

  /** `enter(element)` may be called again for one that is in; `leave(element)` for one that is out. */
  constructor(minimum, enter, leave) {
    [this.#minimum, this.#enter, this.#leave] = [minimum, enter, leave];
    // Its entries bring the sizes along: nothing here makes the page compute its layout.
    this.#visible = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: '50%' });
    this.#small = new ResizeObserver((entries) => this.#resized(entries));
  }

  /** Watches the element, or looks at it anew. */
  watch(element) {
    this.#visible.unobserve(element);
    this.#visible.observe(element);
  }

  stop() {
    this.#visible.disconnect();
    this.#small.disconnect();
  }

  #moved(entries) {
    for (const { target, isIntersecting, boundingClientRect: { width, height } } of entries) {
      const large = Math.min(width, height) >= this.#minimum;
      // A thumbnail may open to a picture.
      if (large) this.#small.unobserve(target);
      else this.#small.observe(target);
      if (large && isIntersecting) this.#enter(target);
      else this.#leave(target);
    }
  }

  #resized(entries) {
    for (const { target, borderBoxSize: [{ inlineSize, blockSize }] } of entries) {
      if (Math.min(inlineSize, blockSize) >= this.#minimum) this.watch(target);
    }
  }
}
