import { MemeClipError, failure, messageOf } from './error.js';
import { join, leave } from './shared.js';
import { View } from './verdict-view.js';

/** @import { LoadOptions, Progress, Verdict } from './types.js' */

/**
 * An image with its verdicts below it: `<meme-verdict weights="weights/"><img src="meme.jpg" alt="…"></meme-verdict>`, or
 * with `src` and `alt` of its own. `weights` is the address of the pack, `text` that of the image, which is read from it if
 * there is none. It judges the image when that comes into view, and again when it changes. All elements with the same
 * weights share one classifier. Parts for `::part()`: image, verdict, status, progress, loaded, error, message, retry,
 * tasks, task, question, about, guess, classes, summary, class, best, name, share, meter, note, notices. CSS variables:
 * `--meme-verdict-ink`, `--meme-verdict-paper`, `--meme-verdict-font`, `--meme-verdict-space`.
 *
 * Its events bubble: `verdict`, with a `Verdict` as `detail`, and `verdict-error`, with a `MemeClipError`.
 */
// Servers that render pages import this as well, and have no elements.
export class MemeVerdict extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ['weights', 'src', 'alt', 'text'];

  /**
   * Options for all elements that load a pack from now on.
   * @type {Omit<LoadOptions, 'onProgress' | 'signal' | 'tasks'>}
   */
  static options = {};

  /** @type {Verdict | null} */
  #verdict = null;
  #view = new View(this.attachShadow({ mode: 'open' }), () => this.#reset());
  #visible = false;
  /** What was asked about: the image's address and text, and the weights. */
  #asked = '';
  /** @type {AbortController | null} */
  #request = null;
  /** @type {AbortController | null} */
  #connection = null;

  /** The verdict on the image as it is shown; null until it is there. */
  get verdict() {
    return this.#verdict;
  }

  /** @private */
  connectedCallback() {
    const { signal } = (this.#connection = new AbortController());
    const viewport = new IntersectionObserver((entries) => {
      this.#visible = entries.some(({ isIntersecting }) => isIntersecting);
      this.#look();
    });
    viewport.observe(this);
    // Another image is on its way: what is shown is not of it.
    const changes = new MutationObserver(() => this.#reset());
    changes.observe(this, { subtree: true, childList: true, attributeFilter: ['src', 'srcset', 'sizes', 'media'] });
    for (const tree of [this, this.#view.image]) {
      tree.addEventListener('load', () => this.#look(), { capture: true, signal });
      tree.addEventListener('error', () => this.#look(), { capture: true, signal });
    }
    signal.addEventListener('abort', () => {
      viewport.disconnect();
      changes.disconnect();
    });
  }

  /** @private */
  disconnectedCallback() {
    this.#connection?.abort();
    this.#visible = false;
    this.#reset();
  }

  /**
   * @private
   * @param {string} name
   * @param {string | null} _
   * @param {string | null} value
   */
  attributeChangedCallback(name, _, value) {
    const { image } = this.#view;
    if (name === 'src' || name === 'alt') {
      if (value === null) image.removeAttribute(name);
      else image.setAttribute(name, value);
    }
    if (name !== 'alt') this.#reset();
  }

  /** Forgets the verdict, and looks at the image anew. */
  #reset() {
    this.#request?.abort();
    this.#request = null;
    this.#verdict = null;
    this.#asked = '';
    this.#view.clear();
    this.#look();
  }

  /** Asks about the image if it is seen, and is another one than before. */
  #look() {
    const image = this.querySelector('img') ?? this.#view.image;
    const { currentSrc, complete, naturalWidth } = image;
    if (!this.#visible || !complete || !currentSrc) return;
    const asked = JSON.stringify([currentSrc, this.getAttribute('text'), this.getAttribute('weights')]);
    if (asked === this.#asked) return;
    this.#request?.abort();
    this.#asked = asked;
    if (naturalWidth > 0) this.#ask(image);
    else this.#fail(failure('image/unreadable', `${currentSrc}: the image cannot be loaded`, 'Check its address.'));
  }

  /** @param {HTMLImageElement} image */
  async #ask(image) {
    const { signal } = (this.#request = new AbortController());
    const weights = this.getAttribute('weights');
    const text = this.getAttribute('text') ?? undefined;
    const user = { onProgress: (/** @type {Progress} */ progress) => this.#view.progress(progress) };
    this.#verdict = null;
    this.#view.wait();
    try {
      if (!weights) throw failure('argument', '`weights` is missing', 'Name the address of a pack.');
      const end = () => leave(weights, user);
      const classifier = await join(weights, MemeVerdict.options, user);
      if (signal.aborted) return end();
      // Until the element leaves the page or shows another image, the classifier stays.
      signal.addEventListener('abort', end);
      // A text that is given is meant; one that is read may be missing.
      const noWords = text === undefined ? 'skip' : 'judge';
      const verdict = await classifier.classify(image, { text, noWords, signal });
      if (signal.aborted) return;
      this.#verdict = verdict;
      this.#view.show(verdict);
      this.dispatchEvent(new CustomEvent('verdict', { detail: verdict, bubbles: true }));
    } catch (error) {
      if (!signal.aborted) this.#fail(error instanceof MemeClipError ? error : failure('internal', messageOf(error), 'Try again.'));
    }
  }

  /** @param {MemeClipError} error */
  #fail(error) {
    this.#view.fail(error);
    this.dispatchEvent(new CustomEvent('verdict-error', { detail: error, bubbles: true }));
  }
}

// Another copy of the package may have been first.
const elements = globalThis.customElements;
if (elements && !elements.get('meme-verdict')) elements.define('meme-verdict', MemeVerdict);
