// Pictures of a page, judged as they come into view. The page itself is never changed.

import { failure } from './error.js';

/** Requests at a time: a few that can be answered together, and few enough that the rest can still be dropped. */
const REQUESTS = 4;
/** Answers that are remembered, on a page that never ends. */
const REMEMBERED = 1000;

/**
 * Judges the pictures below `root`, also in open shadow roots, with `classify(address, signal)`: those in the viewport,
 * in the order in which they came there. One that leaves it before its turn is dropped until it comes back.
 */
export function observe(classify, root, { onVerdict, onError = warn, threshold = 0.5, minimum = 100, signal }) {
  check(root, onVerdict, threshold, minimum);
  const stop = new AbortController();
  /** Pictures that wait, with their addresses. */
  const waiting = new Map();
  /** Promises of verdicts, by address. */
  const answers = new Map();
  /** The address for which a picture's answer has been told. */
  const told = new WeakMap();
  let running = 0;

  const viewport = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting, boundingClientRect: { width, height } } of entries) {
      waiting.delete(target);
      const shown = isIntersecting && target.complete && target.naturalWidth > 0;
      const address = target.currentSrc;
      if (shown && Math.min(width, height) >= minimum && told.get(target) !== address) waiting.set(target, address);
    }
    next();
  });
  const additions = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(watch);
  });

  /** Every picture at or below the node, now and later. */
  function watch(node) {
    look(node);
    node.querySelectorAll?.('*').forEach(look);
  }

  function look(node) {
    if (stop.signal.aborted) return;
    if (node.localName === 'img') viewport.observe(node);
    if (node.shadowRoot) enter(node.shadowRoot);
    // Its shadow root comes with its definition, if ever: until then it is not kept from being collected.
    else if (node.localName?.includes('-') && node.matches(':not(:defined)')) {
      const still = new WeakRef(node);
      customElements.whenDefined(node.localName).then(() => still.deref() && look(still.deref()), () => {});
    }
  }

  /** A tree of its own: what happens in a shadow root is not heard outside. */
  function enter(tree) {
    additions.observe(tree, { childList: true, subtree: true });
    tree.addEventListener('load', loaded, { capture: true, signal: stop.signal });
    watch(tree);
  }

  /** A picture has its first pixels, or other ones: it is looked at anew, without forcing a layout. */
  function loaded({ target }) {
    if (target.localName !== 'img') return;
    viewport.unobserve(target);
    viewport.observe(target);
  }

  function next() {
    for (const [picture, address] of waiting) {
      if (running === REQUESTS) return;
      waiting.delete(picture);
      answer(picture, address);
    }
  }

  async function answer(picture, address) {
    running++;
    const [verdict, error] = await ask(address).then((verdict) => [verdict], (error) => [null, error]);
    running--;
    next();
    // It may show something else by now.
    if (stop.signal.aborted || picture.currentSrc !== address) return;
    if (answers.has(address)) told.set(picture, address);
    if (error) onError(picture, error);
    else if (verdict.tasks.hate.probabilities.hate >= threshold) onVerdict(picture, verdict);
  }

  /** The same address is asked for once, unless it failed for a reason that is not its picture's. */
  function ask(address) {
    if (!answers.has(address)) {
      const answer = classify(address, stop.signal);
      answers.set(address, answer);
      answer.catch(({ code }) => code?.startsWith('image/') || answers.delete(address));
      if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
    }
    return answers.get(address);
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

function check(root, onVerdict, threshold, minimum) {
  const expect = (right, problem, remedy) => {
    if (!right) throw failure('argument', problem, remedy);
  };
  expect(root?.querySelectorAll, 'no part of a page to observe', 'Give a document or an element.');
  expect(typeof onVerdict === 'function', 'onVerdict is no function', 'Give one: it is told the verdicts.');
  expect(threshold >= 0 && threshold <= 1, `'${threshold}' is no threshold`, 'Give a probability, 0 to 1.');
  expect(minimum >= 0, `'${minimum}' is no size`, 'Give a number of pixels.');
}

/** A picture that could not be checked is never passed over in silence. */
function warn(picture, error) {
  console.warn(error.message);
}
