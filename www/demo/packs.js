import { byId } from './dom.js';
import { deviceName, duration } from './format.js';
import { MemeClip } from './memeclip/memeclip.js';
import { bytes } from './memeclip/words.js';
import { assets } from './model.js';

/** @import { Cost, Speed, Verdict } from './memeclip/memeclip.js' */

/** The packs to choose from, and what each costs here, said before any of its weights is loaded. */
export class Packs {
  #select = byId('weights', HTMLSelectElement);
  #line = byId('cost');
  /**
   * By address; null for a pack that cannot be loaded.
   * @type {Map<string, Cost | null>}
   */
  #loads = new Map();
  /**
   * By address.
   * @type {Map<string, Speed>}
   */
  #speeds = new Map();
  /** Counts measurements: a newer one ends the one before. */
  #turn = 0;

  /** @param {(weights: string) => void} onChoose */
  constructor(onChoose) {
    byId('packs').hidden = this.#select.options.length < 2;
    this.#select.addEventListener('change', () => {
      this.#show();
      onChoose(this.#select.value);
    });
  }

  /** The speeds are those of another device. */
  forgetSpeeds() {
    this.#speeds.clear();
    this.#show();
  }

  /**
   * Finds out what is not known yet, of the pack in use first.
   * @param {(weights: string) => Promise<Speed | undefined>} probe
   */
  async measure(probe) {
    const turn = ++this.#turn;
    const packs = new Set([this.#select.value, ...Array.from(this.#select.options, ({ value }) => value)]);
    for (const weights of packs) {
      if (this.#loads.get(weights)) continue;
      // Why it cannot be loaded is said when it is used.
      const support = await MemeClip.support({ weights, assets }).catch(() => null);
      this.#loads.set(weights, support?.load ?? null);
      this.#show();
    }
    for (const weights of packs) {
      if (turn !== this.#turn) return;
      if (!this.#loads.get(weights) || this.#speeds.has(weights)) continue;
      const speed = await probe(weights).catch(() => undefined);
      if (speed && turn === this.#turn) this.#speeds.set(weights, speed);
      this.#show();
    }
  }

  /**
   * A verdict of the pack in use has come: nothing of what it needed has to be downloaded again.
   * @param {Verdict} verdict
   */
  loaded({ tasks, reading }) {
    const load = this.#loads.get(this.#select.value);
    if (!load) return;
    if (Object.keys(tasks).length > 0) load.cached = load.bytes;
    if (reading) load.reader.cached = load.reader.bytes;
    this.#show();
  }

  #show() {
    for (const option of this.#select.options) {
      const cost = this.#cost(option.value);
      if (cost) option.label = `${option.text}: ${cost}`;
    }
    const speed = this.#speeds.get(this.#select.value);
    const device = speed ? ` on ${deviceName(speed.device)}` : '';
    this.#line.textContent = `${this.#cost(this.#select.value)}${device}`;
  }

  /** @param {string} weights */
  #cost(weights) {
    const [load, speed] = [this.#loads.get(weights), this.#speeds.get(weights)];
    if (load === undefined) return '';
    if (load === null) return 'cannot be loaded';
    const { reader } = load;
    const kept = load.cached + reader.cached;
    return [
      `${bytes(load.bytes - load.cached)} to download`,
      reader.bytes > reader.cached && `${bytes(reader.bytes - reader.cached)} more to read text from images`,
      kept > 0 && `${bytes(kept)} kept here`,
      speed && `about ${duration(1000 * speed.seconds)} a meme`,
    ].filter(Boolean).join(', ');
  }
}
