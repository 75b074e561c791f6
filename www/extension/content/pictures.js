/** Pictures that are remembered, unless more are shown at once. */
const REMEMBERED = 1000;

/**
 * What is known of a frame's pictures, by address: each is asked about once. On a page that never ends, those go that came
 * into view longest ago.
 */
class Pictures extends Map {
  /** `state`: new, waiting, asked, checked (with a `verdict`) or failed (with an `error`). */
  at(address) {
    const picture = this.get(address) ?? { address, state: 'new', elements: new Set() };
    this.delete(address);
    this.#forget();
    this.set(address, picture);
    return picture;
  }

  #forget() {
    for (const { address, state, elements } of this.values()) {
      if (this.size < REMEMBERED) return;
      if (elements.size === 0 && state !== 'asked') this.delete(address);
    }
  }
}
