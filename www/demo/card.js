import { byId, find } from './dom.js';
import { percent } from './format.js';

/** @import { TaskVerdict } from './memeclip/memeclip.js' */

/**
 * The question that a task answers, and what it means. Other tasks show their name and their classes.
 * @type {Record<string, [string, string]>}
 */
const ABOUT = {
  hate: ['Is it hateful?', 'Hostile to people for who they are.'],
  target: ['At whom does it aim?', 'A person, a community, an organization, or no one in particular.'],
  stance: ['Which stance does it take?', 'For, against, or neutral to what it shows.'],
  humor: ['Is it meant to be funny?', 'A joke, or said in earnest.'],
};

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
    const [question, about] = ABOUT[task] ?? [task, labels.join(', ')];
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
    const guess = find(this.element, '.guess');
    guess.textContent = result.label;
    if (before && before.label !== result.label) {
      const was = document.createElement('span');
      was.textContent = `before: ${before.label}`;
      guess.append(' ', was);
    }
    this.#note([
      result.zero_shot && 'Zero-shot, untrained.',
      result.unsure && !result.zero_shot && 'Unsure: it expects to be wrong in four of ten such guesses, or more.',
      idle && 'Means little here: the data names a target only where it sees hate.',
    ]);
    for (const [name, share] of Object.entries(result.probabilities)) {
      this.#row(name).show(share, name === result.label, before?.probabilities[name]);
    }
  }

  clear() {
    this.element.classList.remove('idle');
    find(this.element, '.guess').textContent = '';
    find(this.element, '.classes').replaceChildren();
    this.#rows.clear();
    this.#note([]);
  }

  /** @param {(string | false)[]} lines */
  #note(lines) {
    const note = find(this.element, '.note');
    note.textContent = lines.filter(Boolean).join(' ');
    note.hidden = !note.textContent;
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
