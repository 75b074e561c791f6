import { byId, find } from './dom.js';
import { about as aboutTask, guess, percent, remarks } from './memeclip/words.js';

/** @import { TaskVerdict } from './memeclip/memeclip.js' */

/** @param {string} id Of a template. */
function clone(id) {
  const { content } = byId(id, HTMLTemplateElement);
  return /** @type {HTMLElement} */ (find(content, '*').cloneNode(true));
}

/** One task: its question, the guess, and a bar for every class. */
export class TaskCard {
  #task;
  /**
   * By the name of the class.
   * @type {Map<string, ClassRow>}
   */
  #rows = new Map();

  /**
   * @param {string} task
   * @param {string[]} labels Names of its classes.
   */
  constructor(task, labels) {
    this.#task = task;
    this.element = clone('task-template');
    const [question, about] = aboutTask(task, labels);
    const title = find(this.element, 'h3');
    title.id = `task-${task}`;
    title.textContent = question;
    this.element.setAttribute('aria-labelledby', title.id);
    find(this.element, '.about').textContent = about;
  }

  /**
   * @param {TaskVerdict} result
   * @param {TaskVerdict | undefined} before The result that this one is compared with, if any.
   * @param {boolean} idle The answer means little here.
   */
  show(result, before, idle) {
    this.element.classList.toggle('idle', idle);
    const [now, then] = [guess(result), before && guess(before)];
    const words = find(this.element, '.guess');
    words.textContent = now;
    if (then && then !== now) {
      const was = document.createElement('span');
      was.textContent = `before: ${then}`;
      words.append(' ', was);
    }
    this.#fold(result.outside.length > 0);
    this.#note(remarks(result, idle));
    for (const [name, share] of Object.entries(result.probabilities)) {
      this.#row(name).show(share, name === result.label, before?.probabilities[name]);
    }
  }

  clear() {
    this.element.classList.remove('idle');
    find(this.element, '.guess').textContent = '';
    this.#fold(false);
    find(this.element, '.classes').replaceChildren();
    this.#rows.clear();
    this.#note('');
  }

  /**
   * Hides the probabilities until someone asks for them, or shows them.
   * @param {boolean} folded
   */
  #fold(folded) {
    const summary = find(this.element, 'summary');
    // What someone has opened stays open.
    if (summary.hidden !== folded) return;
    summary.hidden = !folded;
    find(this.element, 'details').toggleAttribute('open', !folded);
  }

  /** @param {string} words */
  #note(words) {
    const note = find(this.element, '.note');
    note.textContent = words;
    note.hidden = !words;
  }

  /**
   * Rows stay from one verdict to the next, so that a bar moves rather than jumps.
   * @param {string} name Of the class.
   */
  #row(name) {
    let row = this.#rows.get(name);
    if (!row) {
      row = new ClassRow(this.#task, name);
      this.#rows.set(name, row);
      find(this.element, '.classes').append(row.element);
    }
    return row;
  }
}

class ClassRow {
  #meter;

  /**
   * @param {string} task
   * @param {string} name Of the class.
   */
  constructor(task, name) {
    this.element = clone('class-template');
    find(this.element, '.name').textContent = name;
    this.#meter = find(this.element, '.meter');
    this.#meter.setAttribute('aria-label', `${task}: ${name}`);
  }

  /**
   * @param {number} share 0 to 1.
   * @param {boolean} best
   * @param {number} [before] The share that this one is compared with, if any.
   */
  show(share, best, before) {
    const compared = before !== undefined;
    this.element.classList.toggle('best', best);
    find(this.element, '.share').textContent = percent(share);
    const said = compared ? `${percent(share)}, before ${percent(before)}` : percent(share);
    this.#meter.setAttribute('aria-valuenow', String(Math.round(share * 100)));
    this.#meter.setAttribute('aria-valuetext', said);
    this.#meter.classList.toggle('compared', compared);
    this.#meter.style.setProperty('--share', String(share));
    this.#meter.style.setProperty('--before', String(before ?? share));
  }
}
