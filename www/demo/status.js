import { bytes } from './format.js';

/** A wait shorter than this is not worth a progress bar. */
const BRIEF = 150;

/** The line above the verdict: what the page waits for, what it found, or what went wrong. */
export class Status {
  #title = document.getElementById('verdict-title');
  #line = document.getElementById('status');
  #busy = document.getElementById('busy');
  #bar = document.getElementById('progress');
  #progress = document.getElementById('progress-text');
  #error = document.getElementById('error');
  /** The same in a few words, where the line itself lies below the fold. */
  #gist = document.getElementById('gist');
  #brief;

  constructor({ onCancel, onRetry }) {
    const press = (part, action) =>
      part.querySelector('button').addEventListener('click', () => {
        this.#title.focus(); // the button is about to vanish, and the focus with it
        action();
      });
    press(this.#busy, onCancel);
    press(this.#error, onRetry);
  }

  /** `heard` is for screen readers: what the page shows as bars. */
  say(words, { heard = '', gist = '' } = {}) {
    const aside = document.createElement('span');
    aside.className = 'visually-hidden';
    aside.textContent = heard;
    this.#line.replaceChildren(words, ' ', aside);
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

  progress({ loaded, total }) {
    if (loaded < total) {
      this.#bar.max = total;
      this.#bar.value = loaded;
      this.#progress.textContent = `Loading weights: ${bytes(loaded)} of ${bytes(total)}`;
    } else {
      this.#bar.removeAttribute('value');
      this.#progress.textContent = 'Computing';
    }
    if (!this.#busy.hidden) this.#gist.textContent = this.#progress.textContent;
  }

  /** An error's message names what was given and what to do. */
  fail({ code = 'internal', message }) {
    this.#error.querySelector('.message').textContent = message;
    this.#error.querySelector('code').textContent = code;
    this.#line.textContent = '';
    this.#show(this.#error, 'No answer: see why');
  }

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
