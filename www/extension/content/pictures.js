/** Pictures that are remembered, unless more are shown at once. */
const REMEMBERED = 1000;

/**
 * What is known of a frame's pictures, by address: each is asked about once. On a page that never ends, those go that have
 * not been shown for longest.
 */
class Pictures extends Map {
  /** `state`: new, waiting, asked, checked (with a `verdict`) or failed (with an `error`). */
  at(address) {
    const picture = this.get(address) ?? { address, state: 'new', elements: new Set() };
    this.delete(address);
    if (this.size >= REMEMBERED) this.#forget();
    this.set(address, picture);
    return picture;
  }

  #forget() {
    for (const { address, state, elements } of this.values()) {
      if (elements.size === 0 && state !== 'asked') return this.delete(address);
    }
  }
}
