/** Lets a number of tasks in at a time, in the order in which they come. */
export class Turnstile {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} places */
  constructor(places) {
    this.#free = places;
  }

  /** Waits for a place. Each `enter` needs a `leave`. */
  async enter() {
    if (this.#free > 0) this.#free--;
    else await new Promise((/** @type {(value?: any) => void} */ enter) => this.#waiting.push(enter));
  }

  leave() {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
