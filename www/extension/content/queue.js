import { portableAddress } from './image-source.js';

/** @import { CheckedImage } from './image-cache.js' */

/** Images of a frame that are checked at a time: enough that downloads overlap with computing. */
const CONCURRENCY = 3;

/** Images that wait to be checked. Those closest to the viewport are checked first. */
export class Queue {
  #classify;
  #onSettled;
  /** @type {Set<CheckedImage>} */
  #waiting = new Set();
  #running = 0;

  /**
   * @param {(address: string, image: CheckedImage) => Promise<CheckedImage['verdict']>} classify
   * @param {(image: CheckedImage) => void} onSettled Called when an image has a verdict or an error.
   */
  constructor(classify, onSettled) {
    this.#classify = classify;
    this.#onSettled = onSettled;
  }

  /** @param {CheckedImage} image */
  add(image) {
    image.state = 'waiting';
    this.#waiting.add(image);
    this.#next();
  }

  /**
   * Removes an image whose turn has not come.
   * @param {CheckedImage} image
   */
  remove(image) {
    if (this.#waiting.delete(image)) image.state = 'new';
  }

  clear() {
    for (const image of this.#waiting) this.remove(image);
  }

  async #next() {
    if (this.#running >= CONCURRENCY || this.#waiting.size === 0) return;
    const image = this.#nearest();
    this.#waiting.delete(image);
    this.#running++;
    image.state = 'asked';
    try {
      const [element] = image.elements;
      image.verdict = await this.#classify(await portableAddress(image.address, element), image);
      image.state = 'checked';
    } catch (error) {
      image.error = error;
      image.state = 'failed';
    }
    image.time = Date.now();
    this.#running--;
    this.#onSettled(image);
    this.#next();
  }

  #nearest() {
    let [nearest, least] = [null, Infinity];
    for (const image of this.#waiting) {
      const distance = Math.min(...Array.from(image.elements, distanceToViewport));
      if (nearest === null || distance < least) [nearest, least] = [image, distance];
    }
    return nearest;
  }
}

/**
 * Vertical distance in pixels; 0 for what is in the viewport.
 * @param {Element} element
 */
function distanceToViewport(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return Math.max(0, -bottom, top - innerHeight);
}
