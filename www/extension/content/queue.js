/** Pictures of a frame that are asked about at a time: enough that downloads overlap with computing. */
const AT_ONCE = 3;

/** Pictures that wait to be checked. What is in view is served first. */
class Queue {
  #ask;
  #settled;
  #waiting = new Set();
  #asked = 0;

  /** `ask(address)` gives a promise of a verdict. `settled(picture)`: it has one, or an error. */
  constructor(ask, settled) {
    [this.#ask, this.#settled] = [ask, settled];
  }

  add(picture) {
    picture.state = 'waiting';
    this.#waiting.add(picture);
    this.#serve();
  }

  /** Gives up a picture whose turn has not come. */
  drop(picture) {
    if (this.#waiting.delete(picture)) picture.state = 'new';
  }

  clear() {
    for (const picture of this.#waiting) this.drop(picture);
  }

  async #serve() {
    if (this.#asked >= AT_ONCE || this.#waiting.size === 0) return;
    const picture = this.#nearest();
    this.#waiting.delete(picture);
    this.#asked++;
    picture.state = 'asked';
    try {
      const [element] = picture.elements;
      picture.verdict = await this.#ask(await portable(picture.address, element));
      picture.state = 'checked';
    } catch (error) {
      picture.error = error;
      picture.state = 'failed';
    }
    picture.time = Date.now();
    this.#asked--;
    this.#settled(picture);
    this.#serve();
  }

  #nearest() {
    let [nearest, least] = [null, Infinity];
    for (const picture of this.#waiting) {
      const distance = Math.min(...Array.from(picture.elements, distanceToView));
      if (nearest === null || distance < least) [nearest, least] = [picture, distance];
    }
    return nearest;
  }
}

/** Pixels between an element and what is seen of the page. */
function distanceToView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return Math.max(0, -bottom, top - innerHeight);
}
