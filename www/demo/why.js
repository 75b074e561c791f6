import { byId, find } from './dom.js';
import { percent } from './memeclip/words.js';

/** @import { Explanation } from './memeclip/memeclip.js' */

/** What a verdict rests on: each modality alone, each word, and where in the image the model looked. */
export class Why {
  #section = byId('why');
  #button = find(this.#section, 'button', HTMLButtonElement);
  #reasons = find(this.#section, '.reasons');
  #task = find(this.#section, 'select', HTMLSelectElement);
  #look = find(this.#section, 'input', HTMLInputElement);
  /** @type {Explanation | null} */
  #explanation = null;

  /**
   * @param {{
   *   explain: () => Promise<Explanation | null>,
   *   shade: (regions: Explanation['regions'] | null) => void,
   *   onError: (error: unknown) => void,
   * }} page `explain` resolves to null if the explanation is no longer wanted.
   */
  constructor({ explain, shade, onError }) {
    this.#task.addEventListener('change', () => this.#show());
    this.#look.addEventListener('change', () => shade((this.#look.checked && this.#explanation?.regions) || null));
    this.#button.addEventListener('click', async () => {
      this.#button.disabled = true;
      try {
        this.#explanation = await explain();
        if (this.#explanation) this.#open(this.#explanation);
      } catch (error) {
        onError(error);
      }
      this.#button.disabled = false;
    });
  }

  /**
   * Whether there is a verdict to be explained.
   * @param {boolean} offered
   */
  offer(offered) {
    this.#explanation = null;
    this.#look.checked = false;
    this.#reasons.hidden = true;
    this.#button.hidden = false;
    this.#section.hidden = !offered;
  }

  /** @param {Explanation} explanation */
  #open(explanation) {
    const tasks = Object.keys(explanation.tasks);
    const chosen = tasks.includes(this.#task.value) ? this.#task.value : tasks[0];
    this.#task.replaceChildren(...tasks.map((task) => new Option(task)));
    this.#task.value = chosen;
    this.#reasons.hidden = false;
    this.#show();
    this.#task.focus();
    this.#button.hidden = true;
  }

  #show() {
    const task = this.#task.value;
    const probabilities = this.#explanation?.tasks[task];
    if (!this.#explanation || !probabilities) return;
    const { both, image, text } = probabilities;
    const rows = { 'image and text': both, 'the image alone': image, 'the text alone': text };
    find(this.#section, 'tbody').replaceChildren(
      ...Object.entries(rows).map(([judged, probabilities]) => {
        const label = likeliest(probabilities);
        const row = document.createElement('tr');
        const head = document.createElement('th');
        head.scope = 'row';
        head.textContent = judged;
        row.append(head);
        for (const cell of [label, percent(probabilities[label])]) row.insertCell().textContent = cell;
        return row;
      }),
    );
    const guess = likeliest(both);
    const items = this.#explanation.words.map(({ word, tasks }) => item(word, tasks[task]?.[guess] ?? 0));
    find(this.#section, '.words').replaceChildren(...items);
  }
}

/** @param {Record<string, number>} probabilities */
function likeliest(probabilities) {
  return Object.keys(probabilities).reduce((best, name) => (probabilities[name] > probabilities[best] ? name : best));
}

const signed = new Intl.NumberFormat('en', { maximumFractionDigits: 0, signDisplay: 'exceptZero' });

/**
 * A word, and by how many points it moves the guess.
 * @param {string} word
 * @param {number} change
 */
function item(word, change) {
  const element = document.createElement('li');
  const points = document.createElement('span');
  points.textContent = signed.format(100 * change);
  element.style.setProperty('--weight', String(Math.abs(change)));
  element.classList.toggle('against', change < 0);
  element.append(word, ' ', points);
  return element;
}
