import { byId, find } from './dom.js';
import { awaited } from './memeclip/words.js';

/** Milliseconds: a wait shorter than this is not worth a progress bar. */
const BRIEF = 150;

/** The line above the verdict: what the page waits for, what it found, or what went wrong. */
export class Status {
  #title = byId('verdict-title');
  #line = byId('status');
  #busy = byId('busy');
  #bar = byId('progress', HTMLProgressElement);
  #progress = byId('progress-text');
  #error = byId('error');
  /** The same in a few words, where the line itself lies below the fold. */
  #gist = byId('gist');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #brief;

  /** @param {{ onCancel: () => void, onRetry: () => void }} listeners */
  constructor({ onCancel, onRetry }) {
    const press = (/** @type {HTMLElement} */ part, /** @type {() => void} */ action) =>
      find(part, 'button').addEventListener('click', () => {
        this.#title.focus(); // the button is about to vanish, and the focus with it
        action();
      });
    press(this.#busy, onCancel);
    press(this.#error, onRetry);
  }

  /**
   * `heard` is for screen readers: what the page shows as bars.
   * @param {string} text
   */
  say(text, { heard = '', gist = '' } = {}) {
    const aside = document.createElement('span');
    aside.className = 'visually-hidden';
    aside.textContent = heard;
    this.#line.replaceChildren(text, ' ', aside);
    this.#show(this.#line, gist);
  }

  wait() {
    clearTimeout(this.#brief);
    this.#brief = setTimeout(() => {
      this.#show(this.#busy, this.#progress.textContent);
      this.#line.textContent = this.#progress.textContent; // heard once, not at every step
    }, BRIEF);
    this.#bar.removeAttribute('value');
    this.#progress.textContent = 'Working';
  }

  /** @param {{ loaded: number, total: number }} progress Bytes of weights. */
  progress({ loaded, total }) {
    if (loaded < total) {
      this.#bar.max = total;
      this.#bar.value = loaded;
    } else {
      this.#bar.removeAttribute('value');
    }
    this.#progress.textContent = awaited({ loaded, total });
    if (!this.#busy.hidden) this.#gist.textContent = this.#progress.textContent;
  }

  /**
   * An error's message names what was given and what to do.
   * @param {any} error
   */
  fail({ code = 'internal', message }) {
    find(this.#error, '.message').textContent = message;
    find(this.#error, 'code').textContent = code;
    this.#line.textContent = '';
    this.#show(this.#error, 'No answer: see why');
  }

  /**
   * @param {HTMLElement} part Of the line, the progress and the error, the one to show.
   * @param {string} gist
   */
  #show(part, gist) {
    clearTimeout(this.#brief);
    // A live region must stay in the page to be heard.
    this.#line.classList.toggle('visually-hidden', part !== this.#line);
    this.#busy.hidden = part !== this.#busy;
    this.#error.hidden = part !== this.#error;
    this.#gist.textContent = gist;
    this.#gist.hidden = !gist;
  }
}
