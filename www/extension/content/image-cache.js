/** Images that are remembered, unless more are shown at once. */
const CAPACITY = 1000;

/**
 * @typedef {object} CheckedImage
 * @property {string} address
 * @property {'new' | 'waiting' | 'asked' | 'checked' | 'failed'} state
 * @property {Set<Element>} elements Elements near the viewport that show it.
 * @property {{ hash: string, tasks: Record<string, import('../labels.js').TaskVerdict> }} [verdict]
 *   Set once checked. Without tasks if no words were found.
 * @property {{ code: string, message?: string }} [error] Set once failed.
 * @property {number} [time] When it was checked or failed: milliseconds since 1970.
 * @property {boolean} [requested] The user asked for its verdict, whatever the settings.
 * @property {boolean} [revealed] The user looks at it in spite of the warning.
 * @property {boolean} [overdue] It is no longer covered while it waits.
 */

/**
 * A frame's images by address, so that each is checked once. On an endless page those that came into view longest ago are
 * forgotten.
 * @extends {Map<string, CheckedImage>}
 */
export class ImageCache extends Map {
  /**
   * @param {string} address
   * @returns {CheckedImage}
   */
  getOrCreate(address) {
    const image = this.get(address) ?? { address, state: 'new', elements: new Set() };
    this.delete(address);
    this.#evict();
    this.set(address, image);
    return image;
  }

  #evict() {
    for (const { address, state, elements } of this.values()) {
      if (this.size < CAPACITY) return;
      if (elements.size === 0 && state !== 'asked') this.delete(address);
    }
  }
}
