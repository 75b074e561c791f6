import { MemeClip } from './memeclip/memeclip.js';

/** @import { Device, Info, Progress } from './memeclip/memeclip.js' */

/**
 * The classifier behind the page: opened when first needed, and again after a failure.
 * Only the newest request counts; the one before it is aborted and resolves to null.
 */
export class Model {
  #weights;
  #device;
  #onOpen;
  #onProgress;
  /** @type {Promise<MemeClip> | null} */
  #opening = null;
  /** @type {AbortController | null} */
  #request = null;

  /**
   * @param {string} weights Address of the pack.
   * @param {string} device
   * @param {{ onOpen: (info: Info) => void, onProgress: (progress: Progress) => void }} listeners
   */
  constructor(weights, device, { onOpen, onProgress }) {
    this.#weights = weights;
    this.#device = device;
    this.#onOpen = onOpen;
    this.#onProgress = onProgress;
  }

  /**
   * The old device's weights go first: two copies may not fit into memory.
   * @param {string} device
   */
  use(device) {
    this.stop();
    this.#opening?.then((classifier) => classifier.dispose(), () => {});
    this.#opening = null;
    this.#device = device;
  }

  open() {
    if (this.#opening) return this.#opening;
    // So the page's policy binds its Workers.
    const assets = new URL('memeclip/', import.meta.url);
    // The package says so if there is no such device.
    const device = /** @type {Device} */ (this.#device);
    const opening = MemeClip.load(this.#weights, { device, onProgress: this.#onProgress, assets });
    opening.then(
      (classifier) => this.#onOpen(classifier.info),
      () => {
        if (this.#opening === opening) this.#opening = null;
      },
    );
    return (this.#opening = opening);
  }

  /**
   * Without a text it is read from the image; an image in which none is found is skipped.
   * @param {File} image
   * @param {string} [text]
   */
  classify(image, text) {
    const noWords = text === undefined ? 'skip' : 'judge';
    return this.#ask((classifier, signal) => classifier.classify(image, { text, noWords, signal }));
  }

  /**
   * @param {File} image
   * @param {string} text
   */
  explain(image, text) {
    return this.#ask((classifier, signal) => classifier.explain(image, { text, signal }));
  }

  /**
   * @template T
   * @param {(classifier: MemeClip, signal: AbortSignal) => Promise<T>} request
   * @returns {Promise<T | null>}
   */
  async #ask(request) {
    this.stop();
    const { signal } = (this.#request = new AbortController());
    try {
      const classifier = await this.open();
      signal.throwIfAborted();
      const answer = await request(classifier, signal);
      return signal.aborted ? null : answer;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  stop() {
    this.#request?.abort();
  }
}
