import { translate } from '../i18n.js';
import { WARNINGS, warningTitle } from '../labels.js';
import { mostRecent } from '../report.js';
import { addCorrection, allowSite } from '../settings.js';
import { Connection } from './connection.js';
import { Covers, LAYER } from './covers.js';
import { createElement } from './dom.js';
import { Finder } from './finder.js';
import { ImageCache } from './image-cache.js';
import { imageAddress } from './image-source.js';
import { checking, cover, label, unchecked } from './notice.js';
import { Queue } from './queue.js';
import { Viewport } from './viewport.js';

/** Milliseconds between two reports. */
const REPORT_INTERVAL = 200;

/**
 * @import { CheckedImage } from './image-cache.js'
 * @import { Report } from '../report.js'
 */

/** One frame of a page: finds images, has them checked, and shows the notices. */
export class Page {
  #settings;
  #site;
  #running = false;
  #images = new ImageCache();
  /**
   * The image of each element near the viewport.
   * @type {Map<Element, CheckedImage>}
   */
  #shown = new Map();
  #connection = new Connection(() => this.#end());
  #queue = new Queue(
    (address, image) => {
      const { pack, unload, wordless } = this.#settings;
      const noWords = wordless || image.requested ? 'judge' : 'skip';
      return this.#connection.classify({ address, pack, unload, noWords });
    },
    (image) => this.#update(image),
  );
  #covers = new Covers();
  #finder = new Finder((element) => this.#viewport?.watch(element));
  /** @type {Viewport | null} */
  #viewport = null;
  #reportTimer = null;
  /**
   * What the context menu was opened on.
   * @type {EventTarget[]}
   */
  #pointed = [];

  /**
   * @param {import('../settings.js').Settings} settings
   * @param {string} site Host of the page, also for its frames.
   */
  constructor(settings, site) {
    this.#site = site;
    this.apply(settings);
    document.addEventListener('contextmenu', (event) => this.#point(event), { capture: true, passive: true });
  }

  /**
   * Starts or stops as the settings say, and updates the notices.
   * @param {import('../settings.js').Settings} settings
   * @param {string[]} changed Names of the settings that changed.
   */
  apply(settings, changed = []) {
    this.#settings = settings;
    const enabled = settings.on && !settings.sites.includes(this.#site);
    const restart = ['pack', 'wordless', 'minimum'].some((name) => changed.includes(name));
    if (this.#running && (!enabled || restart)) this.#stop();
    if (changed.includes('pack') || changed.includes('wordless')) this.#images.clear();
    if (enabled && !this.#running) this.#start();
    for (const [element, image] of this.#shown) this.#show(element, image);
    this.#scheduleReport();
  }

  /** Checks the image under the context menu, whatever the settings. */
  check() {
    const found = this.#imageUnderMenu();
    if (!found) return;
    const { element, image } = found;
    image.requested = true;
    this.#enter(element);
    if (image.state === 'failed' || isWordless(image)) this.#queue.add(image);
    this.#show(element, image);
  }

  /** The user says that the verdict on the image under the context menu is wrong. */
  wrong() {
    const image = this.#imageUnderMenu()?.image;
    if (image?.state === 'checked' && !isWordless(image)) this.#correct(image);
  }

  #start() {
    this.#running = true;
    this.#viewport = new Viewport(this.#settings.minimum, (element) => this.#enter(element), (element) => this.#leave(element));
    this.#finder.start();
  }

  #stop() {
    this.#running = false;
    this.#finder.stop();
    this.#viewport?.stop();
    this.#queue.clear();
    for (const image of this.#shown.values()) image.elements.clear();
    this.#shown.clear();
    this.#covers.clear();
  }

  /** The extension is gone: it was disabled or replaced by another version. */
  #end() {
    this.#stop();
    this.#covers.end();
  }

  #enter(element) {
    const address = imageAddress(element);
    const before = this.#shown.get(element);
    if (before && before.address === address) return;
    this.#remove(element);
    if (!address) return;
    const image = this.#images.getOrCreate(address);
    image.elements.add(element);
    this.#shown.set(element, image);
    if (image.state === 'new') this.#enqueue(image);
    this.#show(element, image);
  }

  #leave(element) {
    // An image that the user asked about stays, even a small one.
    if (!this.#shown.get(element)?.requested || !element.isConnected) this.#remove(element);
  }

  #remove(element) {
    const image = this.#shown.get(element);
    if (!image) return;
    this.#shown.delete(element);
    this.#covers.hide(element);
    image.elements.delete(element);
    if (image.elements.size === 0) this.#queue.remove(image);
    this.#scheduleReport();
  }

  #enqueue(image) {
    image.overdue = false;
    this.#queue.add(image);
    this.#scheduleReport();
    if (!this.#settings.coverFirst) return;
    setTimeout(() => this.#uncover(image), 1000 * this.#settings.coverFirst);
  }

  #update(image) {
    // The user has asked for it while it was being skipped.
    if (image.requested && isWordless(image)) this.#queue.add(image);
    for (const element of image.elements) this.#show(element, image);
    this.#scheduleReport();
  }

  /**
   * The first task with a warning, or undefined. What is outside what the pack knows is no reason to warn.
   * @param {CheckedImage} image
   */
  #warningTask({ verdict: { tasks } }) {
    const warns = ([task, { probability }]) => {
      const threshold = this.#settings[task];
      const known = task in tasks && tasks[task].outside.length === 0;
      return known && threshold < 1 && probability(tasks[task].probabilities) >= threshold;
    };
    return Object.entries(WARNINGS).find(warns)?.[0];
  }

  #isWarned(image) {
    if (isWordless(image)) return false;
    return this.#settings.corrections[image.verdict.hash]?.hate ?? this.#warningTask(image) !== undefined;
  }

  #show(element, image) {
    const notice = this.#notice(image);
    if (!notice) return this.#covers.hide(element);
    const alternative = element.ariaLabel || element.alt;
    const name = alternative ? translate('named', notice.name, alternative) : notice.name;
    this.#covers.show(element, notice.content, name);
  }

  /**
   * The notice over an image, and its name; null for none.
   * @param {CheckedImage} image
   */
  #notice(image) {
    const { state, verdict, error, revealed, requested, overdue } = image;
    if (state === 'failed') {
      if (!requested && !this.#settings.labelUnchecked) return null;
      return { content: unchecked(error), name: translate('unchecked') };
    }
    if (state !== 'checked') {
      const covered = requested || (this.#settings.coverFirst > 0 && !overdue);
      return covered ? { content: checking(() => this.#uncover(image)), name: translate('checking') } : null;
    }
    const warned = this.#isWarned(image);
    if ((!warned && !requested) || isWordless(image)) return null;
    const task = this.#warningTask(image) ?? 'hate';
    const name = warningTitle(task, verdict.tasks[task]);
    const { style } = this.#settings;
    const covered = warned && style === 'cover';
    const actions = {
      show: () => this.#reveal(image, true),
      hide: covered ? () => this.#reveal(image, false) : null,
      allow: () => allowSite(this.#site, true),
      wrong: () => this.#correct(image),
    };
    if (covered && !revealed) return { content: cover(verdict, task, actions), name };
    const corner = label(verdict, task, warned, actions);
    return { content: warned && style === 'border' ? createElement('div', 'border', corner) : corner, name };
  }

  #reveal(image, revealed) {
    image.revealed = revealed;
    this.#update(image);
  }

  #uncover(image) {
    image.overdue = true;
    this.#update(image);
  }

  /** Stores the opposite of the verdict. */
  #correct(image) {
    const { address, verdict } = image;
    const probability = verdict.tasks.hate.probabilities.hate;
    image.requested = false;
    addCorrection(verdict.hash, { hate: !this.#isWarned(image), probability, address: shorten(address) });
  }

  #point(event) {
    this.#pointed = [...event.composedPath(), ...document.elementsFromPoint(event.clientX, event.clientY)];
  }

  #imageUnderMenu() {
    for (const element of this.#pointed) {
      const address = element instanceof Element && element.localName !== LAYER && imageAddress(element);
      if (address) return { element, image: this.#images.getOrCreate(address) };
    }
  }

  #scheduleReport() {
    if (this.#reportTimer !== null) return;
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = null;
      this.#connection.report(this.#report());
    }, REPORT_INTERVAL);
  }

  /** @returns {Report} */
  #report() {
    const images = this.#running ? [...this.#images.values()] : [];
    const inState = (...states) => images.filter(({ state }) => states.includes(state));
    const [answered, failed] = [inState('checked'), inState('failed')];
    const wordless = answered.filter(isWordless);
    return {
      checked: answered.length - wordless.length,
      warned: answered.filter((image) => this.#isWarned(image)).length,
      wordless: wordless.length,
      failed: failed.length,
      waiting: inState('waiting', 'asked').length,
      recent: mostRecent([...answered, ...failed]).map((image) => ({
        address: shorten(image.address),
        hate: image.verdict?.tasks.hate?.probabilities.hate,
        outside: (image.verdict?.tasks.hate?.outside ?? []).length > 0,
        wordless: isWordless(image),
        time: image.time,
      })),
    };
  }
}

/**
 * Whether the image was not judged, because no words were found in it.
 * @param {CheckedImage} image
 */
function isWordless({ state, verdict }) {
  return state === 'checked' && Object.keys(verdict.tasks).length === 0;
}

/** A `data:` URL is as long as its image. */
function shorten(address) {
  return address.length > 200 ? `${address.slice(0, 200)}…` : address;
}
