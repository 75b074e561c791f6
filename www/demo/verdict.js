import { TaskCard } from './card.js';
import { byId, find } from './dom.js';
import { deviceName, duration } from './format.js';
import { bytes, guess, isIdle, spoken } from './memeclip/words.js';

/** @import { Info, Verdict as Answer } from './memeclip/memeclip.js' */
/** @typedef {{ answer: Answer, text: string }} Shown */

/** The verdict's part of the page: a card for each task, and the facts of how it came about. */
export class Verdict {
  #tasks = byId('tasks');
  #comparison = byId('comparison');
  #notice = byId('notice');
  #facts = byId('facts');
  /**
   * By task.
   * @type {Map<string, TaskCard>}
   */
  #cards = new Map();
  /** @type {Info | null} */
  #info = null;
  /**
   * What the bars show.
   * @type {Shown | null}
   */
  #shown = null;
  /**
   * What they are compared with: the same image with another text.
   * @type {Shown | null}
   */
  #before = null;
  #editing = false;

  /**
   * What the pack says of itself, as soon as its manifest is read.
   * @param {Info} info
   */
  describe(info) {
    this.#info = info;
    this.#notice.textContent = info.notice;
    this.#notice.hidden = false;
    for (const task of info.tasks) {
      if (this.#cards.has(task)) continue;
      const card = new TaskCard(task, info.labels[task]);
      this.#cards.set(task, card);
      this.#tasks.append(card.element);
    }
    this.#report({});
  }

  /** While the text changes, verdicts are compared with the one that was shown before the change. */
  edit() {
    if (!this.#editing) this.#before = this.#shown;
    this.#editing = true;
  }

  settle() {
    this.#editing = false;
  }

  wait() {
    this.#tasks.setAttribute('aria-busy', 'true');
  }

  rest() {
    this.#tasks.setAttribute('aria-busy', 'false');
  }

  /**
   * @param {Answer} answer
   * @param {string} text
   */
  show(answer, text) {
    this.rest();
    this.#shown = { answer, text };
    const before = this.#before?.text === text ? null : this.#before;
    const earlier = new Map(Object.entries(before?.answer.tasks ?? {}));
    for (const [task, result] of Object.entries(answer.tasks)) {
      this.#cards.get(task)?.show(result, earlier.get(task), isIdle(task, answer.tasks));
    }
    this.#comparison.hidden = !before;
    find(this.#comparison, 'q').textContent = before?.text || 'no text';
    const { timings, image } = answer;
    /** @type {[string, number][]} */
    const all = [
      ['image', timings.decode],
      ['reading', timings.read],
      ['weights', timings.load],
      ['model', timings.compute],
    ];
    const steps = all.filter(([, time]) => time > 0);
    this.#report({
      Device: deviceName(answer.device),
      Time: steps.map(([name, time]) => `${duration(time)} ${name}`).join(', '),
      Image: `${image.width} × ${image.height} pixels`,
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

  /** What the pack said of itself: another one comes. */
  forget() {
    this.#info = null;
    this.clear();
    this.#facts.replaceChildren();
    this.#notice.hidden = true;
    for (const card of this.#cards.values()) card.element.remove();
    this.#cards.clear();
  }

  /** The guesses alone. */
  get gist() {
    // What is outside is said once.
    return [...new Set(Object.values(this.#answers).map(guess))].join(' · ');
  }

  /** The verdict in a sentence, for those who hear the page. */
  get spoken() {
    return spoken(this.#answers);
  }

  get #answers() {
    return this.#shown?.answer.tasks ?? {};
  }

  /** @param {Record<string, string>} run */
  #report(run) {
    if (!this.#info) return;
    const { name, dtype, bytes: size, licence } = this.#info;
    const facts = { Model: `${name}, ${dtype}, ${bytes(size)}`, Licence: licence, ...run };
    this.#facts.replaceChildren(
      ...Object.entries(facts).map(([term, fact]) => {
        const [row, name, value] = ['div', 'dt', 'dd'].map((kind) => document.createElement(kind));
        name.textContent = term;
        value.textContent = fact;
        row.append(name, value);
        return row;
      }),
    );
  }
}
