import { MemeClip } from './memeclip/memeclip.js';

/**
 * The classifier behind the page: opened when first needed, and again after a failure.
 * Only the newest request counts; the one before it is aborted and resolves to null.
 */
export class Model {
  #weights;
  #device;
  #onOpen;
  #onProgress;
  #opening = null;
  #request = null;

  constructor(weights, device, { onOpen, onProgress }) {
    this.#weights = weights;
    this.#device = device;
    this.#onOpen = onOpen;
    this.#onProgress = onProgress;
  }

  /** The old device's weights go first: two copies may not fit into memory. */
  use(device) {
    this.stop();
    this.#opening?.then((classifier) => classifier.dispose(), () => {});
    this.#opening = null;
    this.#device = device;
  }

  open() {
    if (this.#opening) return this.#opening;
    // Bound by the page's policy: see start.js.
    const assets = new URL('.', import.meta.url);
    const opening = MemeClip.load(this.#weights, { device: this.#device, onProgress: this.#onProgress, assets });
    opening.then(
      (classifier) => this.#onOpen(classifier.info),
      () => {
        if (this.#opening === opening) this.#opening = null;
      },
    );
    return (this.#opening = opening);
  }

  /** Without `text`, the words are read off the picture. */
  classify(picture, text) {
    return this.#ask((classifier, signal) => classifier.classify(picture, { text, signal }));
  }

  explain(picture, text) {
    return this.#ask((classifier, signal) => classifier.explain(picture, { text, signal }));
  }

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
