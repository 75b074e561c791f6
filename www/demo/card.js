import { percent } from './format.js';

const ABOUT = {
  hate: ['Is it hateful?', 'Hostile to people for who they are.'],
  target: ['At whom does it aim?', 'A person, a community, an organization, or no one in particular.'],
  stance: ['Which stance does it take?', 'For, against, or neutral to what it shows.'],
  humor: ['Is it meant to be funny?', 'A joke, or said in earnest.'],
};

const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** One task: its question, the guess, and a bar for every class. */
export class TaskCard {
  #task;
  #rows = new Map();

  constructor(task) {
    this.#task = task;
    this.element = clone('task-template');
    const [question, about] = ABOUT[task] ?? [task, ''];
    const title = this.element.querySelector('h3');
    title.id = `task-${task}`;
    title.textContent = question;
    this.element.setAttribute('aria-labelledby', title.id);
    this.element.querySelector('.about').textContent = about;
  }

  /** `before`: the result that this one is compared with, if any. `idle`: the answer means little here. */
  show(result, before, idle) {
    this.element.classList.toggle('idle', idle);
    const guess = this.element.querySelector('.guess');
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
    this.element.querySelector('.guess').textContent = '';
    this.element.querySelector('.classes').replaceChildren();
    this.#rows.clear();
    this.#note([]);
  }

  #note(lines) {
    const note = this.element.querySelector('.note');
    note.textContent = lines.filter(Boolean).join(' ');
    note.hidden = !note.textContent;
  }

  /** Rows stay from one verdict to the next, so that a bar moves rather than jumps. */
  #row(name) {
    let row = this.#rows.get(name);
    if (!row) {
      row = new ClassRow(this.#task, name);
      this.#rows.set(name, row);
      this.element.querySelector('.classes').append(row.element);
    }
    return row;
  }
}

class ClassRow {
  #meter;

  constructor(task, name) {
    this.element = clone('class-template');
    this.element.querySelector('.name').textContent = name;
    this.#meter = this.element.querySelector('.meter');
    this.#meter.ariaLabel = `${task}: ${name}`;
  }

  show(share, best, before) {
    const compared = before !== undefined;
    this.element.classList.toggle('best', best);
    this.element.querySelector('.share').textContent = percent(share);
    this.#meter.ariaValueNow = Math.round(share * 100);
    this.#meter.ariaValueText = compared ? `${percent(share)}, before ${percent(before)}` : percent(share);
    this.#meter.classList.toggle('compared', compared);
    this.#meter.style.setProperty('--share', share);
    this.#meter.style.setProperty('--before', before ?? share);
  }
}
