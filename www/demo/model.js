import { MemeClip } from './memeclip/memeclip.js';

/** @import { Device, Info, Progress } from './memeclip/memeclip.js' */

/** Folder of the package: named, so that the page's policy binds its Workers. */
export const assets = new URL('memeclip/', import.meta.url);

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
   * Changes the pack or the device. The old weights go first: both may not fit into memory.
   * @param {{ weights?: string, device?: string }} change
   */
  use({ weights = this.#weights, device = this.#device }) {
    this.stop();
    this.#opening?.then((classifier) => classifier.dispose(), () => {});
    this.#opening = null;
    this.#weights = weights;
    this.#device = device;
  }

  open() {
    if (this.#opening) return this.#opening;
    // The package says so if there is no such device.
    const device = /** @type {Device} */ (this.#device);
    const opening = MemeClip.load(this.#weights, { device, onProgress: this.#onProgress, assets });
    opening.then(
      (classifier) => {
        if (this.#opening === opening) this.#onOpen(classifier.info);
      },
      () => {
        if (this.#opening === opening) this.#opening = null;
      },
    );
    return (this.#opening = opening);
  }

  /**
   * About how long verdicts of a pack take: of this one, or of one that is not in use.
   * @param {string} weights
   */
  async probe(weights) {
    if (weights === this.#weights) return (await this.open()).probe();
    const probe = /** @type {Device} */ (this.#device);
    return (await MemeClip.support({ weights, probe, assets })).speed;
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
