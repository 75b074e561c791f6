import { TaskCard } from './card.js';
import { bytes, deviceName, duration, percent } from './format.js';

/** The verdict's part of the page: a card for each task, and the facts of how it came about. */
export class Verdict {
  #tasks = document.getElementById('tasks');
  #comparison = document.getElementById('comparison');
  #notice = document.getElementById('notice');
  #facts = document.getElementById('facts');
  #cards = new Map();
  #info = null;
  /** What the bars show, and what they are compared with: `{ answer, words }` for one and the same picture. */
  #shown = null;
  #before = null;
  #editing = false;

  /** The pack's own words about itself, as soon as its manifest is read. */
  describe(info) {
    this.#info = info;
    this.#notice.textContent = info.notice;
    this.#notice.hidden = false;
    for (const task of info.tasks) {
      if (this.#cards.has(task)) continue;
      const card = new TaskCard(task);
      this.#cards.set(task, card);
      this.#tasks.append(card.element);
    }
    this.#report({});
  }

  /** While the words change, verdicts are compared with the one that was shown before the change. */
  edit() {
    if (!this.#editing) this.#before = this.#shown;
    this.#editing = true;
  }

  settle() {
    this.#editing = false;
  }

  wait() {
    this.#tasks.ariaBusy = true;
  }

  rest() {
    this.#tasks.ariaBusy = false;
  }

  show(answer, words) {
    this.rest();
    this.#shown = { answer, words };
    const before = this.#before?.words === words ? null : this.#before;
    const benign = answer.tasks.hate !== undefined && answer.tasks.hate.label !== 'hate';
    for (const [task, result] of Object.entries(answer.tasks)) {
      this.#cards.get(task).show(result, before?.answer.tasks[task], task === 'target' && benign);
    }
    this.#comparison.hidden = !before;
    this.#comparison.querySelector('q').textContent = before?.words || 'no words';
    const { timings, image } = answer;
    const steps = { decode: 'picture', read: 'reading', load: 'weights', compute: 'model' };
    const taken = Object.entries(steps).filter(([step]) => timings[step] > 0);
    this.#report({
      Device: deviceName(answer.device),
      Time: taken.map(([step, name]) => `${duration(timings[step])} ${name}`).join(', '),
      Picture: `${image.width} × ${image.height} pixels`,
      ...(answer.notice && { Notice: answer.notice }),
    });
  }

  clear() {
    this.rest();
    this.#shown = this.#before = null;
    this.#editing = false;
    this.#comparison.hidden = true;
    for (const card of this.#cards.values()) card.clear();
    this.#report({});
  }

  /** The guesses alone. */
  get gist() {
    return Object.values(this.#shown.answer.tasks)
      .map(({ label }) => label)
      .join(' · ');
  }

  /** The verdict in a sentence, for those who hear the page. */
  get spoken() {
    return Object.entries(this.#shown.answer.tasks)
      .map(([task, { label, probabilities }]) => `${task}: ${label}, ${percent(probabilities[label])}`)
      .join('; ');
  }

  #report(run) {
    if (!this.#info) return;
    const { name, dtype, bytes: size, licence } = this.#info;
    const facts = { Model: `${name}, ${dtype}, ${bytes(size)}`, Licence: licence, ...run };
    this.#facts.replaceChildren(
      ...Object.entries(facts).map(([term, words]) => {
        const row = document.createElement('div');
        row.append(document.createElement('dt'), document.createElement('dd'));
        row.firstChild.textContent = term;
        row.lastChild.textContent = words;
        return row;
      }),
    );
  }
}
