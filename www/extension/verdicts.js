// Verdicts on images, for all tabs: each image is downloaded and classified once.

import { call } from './background.js';
import { MemeClip } from './memeclip/memeclip.js';

/** Verdicts that are kept. */
const CAPACITY = 2000;
/** Milliseconds for the download of an image. */
const TIMEOUT = 30_000;

/**
 * @typedef {object} VerdictRequest
 * @property {string} address Address of the image.
 * @property {string} origin Origin of the page that shows it.
 * @property {string} pack URL of the pack; empty for the built-in one.
 * @property {number} unload Idle minutes after which the model's memory is freed.
 * @property {'judge' | 'skip'} noWords What to do with an image in which no words are found.
 */

export class Verdicts {
  #onModelChange;
  #pack = '';
  /**
   * The classifier, while it is in memory.
   * @type {Promise<MemeClip> | null}
   */
  #classifier = null;
  #unloadTimer;
  #running = 0;
  #byAddress = new PromiseCache();
  #byHash = new PromiseCache();
  /**
   * What the popup shows of the model.
   * @type {{ state: 'idle' | 'loading' | 'ready' | 'failed', info?: object, device?: string, error?: object, progress?: object }}
   */
  model = { state: 'idle' };

  /** @param {() => void} onModelChange Called when `model` changes. */
  constructor(onModelChange) {
    this.#onModelChange = onModelChange;
  }

  /**
   * The SHA-256 of the image file, and the verdicts by task: none for an image that was skipped.
   * @param {VerdictRequest} request
   */
  async get(request) {
    const { address, pack, noWords } = request;
    if (pack !== this.#pack) this.#usePack(pack);
    const compute = () => this.#downloadAndClassify(request);
    // A `data:` URL is as long as its image, so it is no key.
    return address.startsWith('data:') ? compute() : this.#byAddress.getOrCreate(`${noWords} ${address}`, compute);
  }

  /** Frees the model's memory, unless it is classifying. */
  unload() {
    if (this.#running === 0) this.#dispose();
  }

  #dispose() {
    clearTimeout(this.#unloadTimer);
    this.#classifier?.then((classifier) => classifier.dispose(), () => {});
    this.#classifier = null;
    this.#setModel({ state: 'idle' });
  }

  #usePack(pack) {
    this.#pack = pack;
    this.#dispose();
    this.#byAddress.clear();
    this.#byHash.clear();
  }

  /** @param {VerdictRequest} request */
  async #downloadAndClassify({ address, origin, unload, noWords }) {
    const blob = await download(address, origin);
    const hash = await sha256(blob);
    const classify = async () => ({ hash, tasks: await this.#classify(blob, unload, noWords) });
    return this.#byHash.getOrCreate(`${noWords} ${hash}`, classify);
  }

  async #classify(blob, unload, noWords) {
    clearTimeout(this.#unloadTimer);
    this.#running++;
    try {
      this.#classifier ??= this.#load();
      const classifier = await this.#classifier;
      const verdict = await classifier.classify(blob, { noWords });
      this.#setModel({ state: 'ready', info: classifier.info, device: verdict.device });
      return verdict.tasks;
    } finally {
      this.#running--;
      if (this.#running === 0) this.#unloadTimer = setTimeout(() => this.unload(), unload * 60_000);
    }
  }

  async #load() {
    this.#setModel({ state: 'loading' });
    try {
      const onProgress = (progress) => this.#setModel({ ...this.model, state: 'loading', progress });
      const classifier = await MemeClip.load(this.#pack || new URL('weights/', import.meta.url), { onProgress });
      checkTasks(classifier);
      return classifier;
    } catch (error) {
      this.#classifier = null;
      this.#setModel({ state: 'failed', error: { code: error.code, message: error.message } });
      throw error;
    }
  }

  #setModel(model) {
    this.model = model;
    this.#onModelChange();
  }
}

/**
 * Refuses a pack without the task that warnings need.
 * @param {MemeClip} classifier
 */
function checkTasks(classifier) {
  const { tasks, labels } = classifier.info;
  if (labels.hate?.includes('hate')) return;
  classifier.dispose();
  const message = `The pack has no task “hate” with a class “hate”, which warnings need. Its tasks: ${tasks.join(', ')}.`;
  throw Object.assign(new Error(message), { code: 'task/unknown' });
}

/** Promises by key. The least recently used are evicted, and those that are rejected. */
class PromiseCache extends Map {
  getOrCreate(key, create) {
    const promise = this.get(key) ?? create();
    this.delete(key);
    this.set(key, promise);
    promise.catch(() => this.delete(key));
    if (this.size > CAPACITY) this.delete(this.keys().next().value);
    return promise;
  }
}

/** Downloads with a referrer so far. */
let referrers = 0;

/** Downloads an image without cookies, and without a referrer unless the server demands one. */
async function download(address, origin) {
  let reason;
  try {
    let response = await get(address);
    if (response.status === 403 && origin.startsWith('http')) {
      const rule = { method: 'setReferrer', id: ++referrers, address };
      await call({ ...rule, origin });
      response = await get(address);
      call(rule);
    }
    if (response.ok) return await response.blob();
    reason = `the server answers ${response.status}`;
  } catch (error) {
    reason = error.message;
  }
  throw Object.assign(new Error(`The image cannot be downloaded (${reason}).`), { code: 'image/unreadable' });
}

function get(address) {
  return fetch(address, { credentials: 'omit', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(TIMEOUT) });
}

async function sha256(blob) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
