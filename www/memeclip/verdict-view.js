// What `meme-verdict` shows below its image, in its shadow root.

import { css } from './verdict-style.js';
import { NO_WORDS, about, awaited, guess, isIdle, percent, remarks, spoken } from './words.js';

/** @import { MemeClipError } from './error.js' */
/** @import { Progress, TaskVerdict, Verdict } from './types.js' */

/**
 * Adopted by all elements, which any security policy allows.
 * @type {CSSStyleSheet | undefined}
 */
let sheet;

/** Progress, the verdict or an error: one at a time. */
export class View {
  image = make('img', 'image');
  // A live region must stay to be heard.
  #status = make('p', 'status');
  #heard = make('span', 'heard');
  #progress = make('progress', 'progress');
  #loaded = make('p', 'loaded');
  #tasks = make('div', 'tasks');
  #notices = make('p', 'notices');
  #error = make('div', 'error');
  #message = make('p', 'message');
  #section = make('section', 'verdict');

  /**
   * @param {ShadowRoot} root
   * @param {() => void} onRetry
   */
  constructor(root, onRetry) {
    if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    const slot = document.createElement('slot');
    slot.append(this.image);
    this.#section.setAttribute('aria-label', 'The model’s guess');
    this.#status.setAttribute('role', 'status');
    this.#progress.setAttribute('aria-label', 'Progress');
    this.#error.setAttribute('role', 'alert');
    this.#tasks.className = 'tasks';
    this.#heard.className = 'heard';
    const retry = make('button', 'retry');
    retry.type = 'button';
    retry.textContent = 'Try again';
    retry.addEventListener('click', () => {
      // The button is about to vanish, and the focus with it.
      this.#section.focus();
      onRetry();
    });
    this.#section.tabIndex = -1;
    this.#error.append(this.#message, retry);
    this.#section.append(this.#status, this.#progress, this.#loaded, this.#error, this.#tasks, this.#notices);
    root.append(slot, this.#section);
    this.clear();
  }

  /** Nothing is known of the image. */
  clear() {
    this.#show();
  }

  wait() {
    this.#progress.removeAttribute('value');
    this.#loaded.textContent = '';
    this.#show({ status: 'Judging the image', busy: true });
  }

  /** @param {Progress} progress */
  progress({ loaded, total }) {
    if (loaded < total) Object.assign(this.#progress, { max: total, value: loaded });
    else this.#progress.removeAttribute('value');
    this.#loaded.textContent = awaited({ loaded, total });
  }

  /** @param {Verdict} verdict */
  show({ tasks, notice }) {
    const skipped = Object.keys(tasks).length === 0;
    this.#show({ status: skipped ? NO_WORDS : '', heard: spoken(tasks), notices: skipped ? '' : notice });
    this.#tasks.replaceChildren(...Object.entries(tasks).map(([task, result]) => card(task, result, isIdle(task, tasks))));
  }

  /** @param {Pick<MemeClipError, 'code' | 'message'>} error */
  fail({ code, message }) {
    this.#show({ error: message });
    this.#error.dataset.code = code;
  }

  #show({ status = '', heard = '', busy = false, error = '', notices = '' } = {}) {
    this.#section.setAttribute('aria-busy', String(busy));
    this.#status.replaceChildren(status, this.#heard);
    this.#heard.textContent = heard;
    this.#progress.hidden = this.#loaded.hidden = !busy;
    this.#message.textContent = error;
    this.#error.hidden = !error;
    this.#notices.textContent = notices;
    this.#notices.hidden = !notices;
    this.#tasks.replaceChildren();
  }
}

/**
 * One task: its question, the guess, and every class.
 * @param {string} task
 * @param {TaskVerdict} result
 * @param {boolean} idle See `isIdle`.
 */
function card(task, result, idle) {
  const element = make('article', 'task');
  const [question, meaning] = about(task, Object.keys(result.probabilities));
  const words = { question: make('p', 'question'), about: make('p', 'about'), guess: make('p', 'guess'), note: make('p', 'note') };
  // No heading: the page knows of what level it would be.
  element.setAttribute('aria-label', question);
  words.question.textContent = question;
  words.question.className = 'question';
  words.about.textContent = meaning;
  words.guess.textContent = guess(result);
  words.note.textContent = remarks(result, idle);
  const details = make('details', 'classes');
  const summary = make('summary', 'summary');
  const outside = result.outside.length > 0;
  summary.textContent = outside ? 'What it would guess' : 'How likely it is';
  details.open = !outside;
  const list = document.createElement('ul');
  list.append(...Object.entries(result.probabilities).map(([name, share]) => row(task, name, share, name === result.label)));
  details.append(summary, list);
  element.dataset.task = task;
  element.append(words.question, words.about, words.guess, details, words.note);
  return element;
}

/**
 * @param {string} task
 * @param {string} name Of the class.
 * @param {number} share 0 to 1.
 * @param {boolean} best
 */
function row(task, name, share, best) {
  const item = make('li', best ? 'class best' : 'class');
  item.classList.toggle('best', best);
  const [label, value, meter] = [make('span', 'name'), make('span', 'share'), make('meter', 'meter')];
  value.className = 'share';
  label.textContent = name;
  value.textContent = percent(share);
  meter.value = share;
  meter.setAttribute('aria-label', `${task}: ${name}`);
  meter.setAttribute('aria-valuetext', percent(share));
  item.append(label, value, meter);
  return item;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} kind
 * @param {string} part By which the page can style it.
 */
function make(kind, part) {
  const element = document.createElement(kind);
  element.setAttribute('part', part);
  return element;
}
