// Images of a page, classified as they come into view. The page itself is never changed.

import { failure } from './error.js';

/** @import { MemeClipError } from './error.js' */
/** @import { Observation, ObserveOptions, Verdict } from './types.js' */

/** Requests at a time: several, which can be answered together, and few enough that the rest can still be dropped. */
const REQUESTS = 4;
/** Answers that are remembered, on a page that never ends. */
const REMEMBERED = 1000;

/**
 * Classifies the images below `root`, also in open shadow roots: those in the viewport, in the order in which they came
 * there. One that leaves it before its turn is dropped until it comes back.
 * @param {(image: HTMLImageElement, signal: AbortSignal) => Promise<Verdict>} classify
 * @param {Document | DocumentFragment | Element} root
 * @param {Omit<ObserveOptions, 'tasks' | 'noWords' | 'signal'> & { signal: AbortSignal }} options
 * @returns {Observation}
 */
export function observe(classify, root, { onVerdict, onError = warn, threshold = 0.5, minimum = 100, signal }) {
  check(root, onVerdict, threshold, minimum);
  const stop = new AbortController();
  /**
   * Images that wait, with their addresses.
   * @type {Map<HTMLImageElement, string>}
   */
  const waiting = new Map();
  /**
   * Promises of verdicts, by address.
   * @type {Map<string, Promise<Verdict>>}
   */
  const answers = new Map();
  /**
   * The address for which an image's answer has been told.
   * @type {WeakMap<HTMLImageElement, string>}
   */
  const told = new WeakMap();
  let running = 0;

  const viewport = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting, boundingClientRect: { width, height } } of entries) {
      const image = /** @type {HTMLImageElement} */ (target);
      waiting.delete(image);
      const shown = isIntersecting && image.complete && image.naturalWidth > 0;
      const address = image.currentSrc;
      if (shown && Math.min(width, height) >= minimum && told.get(image) !== address) waiting.set(image, address);
    }
    next();
  });
  const additions = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(watch);
  });

  /**
   * Every image at or below the node, now and later.
   * @param {Node} node
   */
  function watch(node) {
    if ('localName' in node) look(/** @type {Element} */ (node));
    if ('querySelectorAll' in node) /** @type {Element} */ (node).querySelectorAll('*').forEach(look);
  }

  /** @param {Element} node */
  function look(node) {
    if (stop.signal.aborted) return;
    if (node.localName === 'img') viewport.observe(node);
    if (node.shadowRoot) enter(node.shadowRoot);
    // Its shadow root comes with its definition, if ever: until then it is not kept from being collected.
    else if (node.localName.includes('-') && node.matches(':not(:defined)')) {
      const still = new WeakRef(node);
      const defined = () => {
        const element = still.deref();
        if (element) look(element);
      };
      customElements.whenDefined(node.localName).then(defined, () => {});
    }
  }

  /**
   * A tree of its own: what happens in a shadow root is not heard outside.
   * @param {Document | DocumentFragment | Element} tree
   */
  function enter(tree) {
    additions.observe(tree, { childList: true, subtree: true });
    tree.addEventListener('load', loaded, { capture: true, signal: stop.signal });
    watch(tree);
  }

  /**
   * An image has its first pixels, or other ones: it is looked at anew, without forcing a layout.
   * @param {Event} event
   */
  function loaded({ target }) {
    const image = /** @type {Element} */ (target);
    if (image.localName !== 'img') return;
    viewport.unobserve(image);
    viewport.observe(image);
  }

  function next() {
    for (const [image, address] of waiting) {
      if (running === REQUESTS) return;
      waiting.delete(image);
      // If it shows something else by now, it is looked at anew when that has loaded.
      if (image.currentSrc === address) answer(image, address);
    }
  }

  /**
   * @param {HTMLImageElement} image
   * @param {string} address
   */
  async function answer(image, address) {
    running++;
    const answered = await ask(image, address).then((verdict) => ({ verdict }), (error) => ({ error }));
    running--;
    next();
    // It may show something else by now; or it came into view, or loaded, again meanwhile, and that was told.
    if (stop.signal.aborted || image.currentSrc !== address || told.get(image) === address) return;
    if (answers.has(address)) told.set(image, address);
    if ('error' in answered) onError(image, answered.error);
    else if (hateIn(answered.verdict) >= threshold) onVerdict(image, answered.verdict);
  }

  /**
   * The same address is asked for once, unless it failed for a reason that is not its image's.
   * @param {HTMLImageElement} image
   * @param {string} address What it shows.
   */
  function ask(image, address) {
    let answer = answers.get(address);
    if (!answer) {
      answer = classify(image, stop.signal);
      answers.set(address, answer);
      answer.catch(({ code }) => code?.startsWith('image/') || answers.delete(address));
      const [oldest] = answers.keys();
      if (answers.size > REMEMBERED) answers.delete(oldest);
    }
    return answer;
  }

  const end = () => {
    stop.abort();
    viewport.disconnect();
    additions.disconnect();
    waiting.clear();
  };
  signal.addEventListener('abort', end, { once: true, signal: stop.signal });
  if (signal.aborted) end();
  else enter(root);
  return { stop: end };
}

/**
 * The probability of hate: it is always among the tasks.
 * @param {Verdict} verdict
 */
function hateIn({ tasks }) {
  return tasks.hate?.probabilities.hate ?? 0;
}

/**
 * @param {any} root
 * @param {unknown} onVerdict
 * @param {number} threshold
 * @param {number} minimum
 */
function check(root, onVerdict, threshold, minimum) {
  const expect = (/** @type {unknown} */ right, /** @type {string} */ problem, /** @type {string} */ remedy) => {
    if (!right) throw failure('argument', problem, remedy);
  };
  expect(root?.querySelectorAll, '`root` is not a part of a page', 'Give a document or an element.');
  expect(typeof onVerdict === 'function', '`onVerdict` must be a function', 'Give one: it is called with the verdicts.');
  expect(threshold >= 0 && threshold <= 1, `\`threshold\` must be a probability, not '${threshold}'`, 'Give 0 to 1.');
  expect(minimum >= 0, `\`minimum\` must be a number of pixels, not '${minimum}'`, 'Give 0 or more.');
}

/**
 * An image that could not be checked is never passed over in silence.
 * @param {HTMLImageElement} _
 * @param {MemeClipError} error
 */
function warn(_, error) {
  console.warn(error.message);
}
