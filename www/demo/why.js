import { percent } from './format.js';

/** What a verdict rests on: each modality alone, each word, and where in the picture the model looked. */
export class Why {
  #section = document.getElementById('why');
  #button = this.#section.querySelector('button');
  #reasons = this.#section.querySelector('.reasons');
  #task = this.#section.querySelector('select');
  #look = this.#section.querySelector('input');
  #explanation = null;

  /** `explain` gives a promise of the explanation, null if it is no longer wanted; `veil` shows regions, or null. */
  constructor({ explain, veil, onError }) {
    this.#task.addEventListener('change', () => this.#show());
    this.#look.addEventListener('change', () => veil(this.#look.checked ? this.#explanation.regions : null));
    this.#button.addEventListener('click', async () => {
      this.#button.disabled = true;
      try {
        this.#explanation = await explain();
        if (this.#explanation) this.#open();
      } catch (error) {
        onError(error);
      }
      this.#button.disabled = false;
    });
  }

  /** There is a verdict to be explained, or there is none. */
  offer(offered) {
    this.#explanation = null;
    this.#look.checked = false;
    this.#reasons.hidden = true;
    this.#button.hidden = false;
    this.#section.hidden = !offered;
  }

  #open() {
    const tasks = Object.keys(this.#explanation.tasks);
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
    const { both, image, text } = this.#explanation.tasks[task];
    const rows = { 'picture and words': both, 'the picture alone': image, 'the words alone': text };
    this.#section.querySelector('tbody').replaceChildren(
      ...Object.entries(rows).map(([judged, probabilities]) => {
        const label = likeliest(probabilities);
        const row = document.createElement('tr');
        const head = document.createElement('th');
        head.scope = 'row';
        head.textContent = judged;
        row.append(head);
        for (const words of [label, percent(probabilities[label])]) row.insertCell().textContent = words;
        return row;
      }),
    );
    const guess = likeliest(both);
    const list = this.#section.querySelector('.words');
    list.replaceChildren(...this.#explanation.words.map(({ word, tasks }) => item(word, tasks[task][guess])));
  }
}

function likeliest(probabilities) {
  return Object.keys(probabilities).reduce((best, name) => (probabilities[name] > probabilities[best] ? name : best));
}

const signed = new Intl.NumberFormat('en', { maximumFractionDigits: 0, signDisplay: 'exceptZero' });

/** A word, and by how many points it moves the guess. */
function item(word, change) {
  const element = document.createElement('li');
  const points = document.createElement('span');
  points.textContent = signed.format(100 * change);
  element.style.setProperty('--weight', Math.abs(change));
  element.classList.toggle('against', change < 0);
  element.append(word, ' ', points);
  return element;
}
