// Verdicts on pictures, for all tabs: each picture is fetched and classified once.

import { call } from './background.js';
import { MemeClip } from './memeclip/memeclip.js';

/** Pictures whose verdicts are remembered. */
const KEPT = 2000;
/** Milliseconds for a picture to arrive. */
const PATIENCE = 30_000;

export class Verdicts {
  #onChange;
  #pack = '';
  /** Promise of the classifier, while it is in memory. */
  #loading = null;
  #idle;
  #busy = 0;
  #byAddress = new Kept();
  #byContent = new Kept();
  /** What people are told of the model: `state` is idle, loading, ready or failed. */
  model = { state: 'idle' };

  constructor(onChange) {
    this.#onChange = onChange;
  }

  /**
   * `{ hash, tasks }` of the picture at `address`, which is shown on the site `origin`. `pack`: address of the pack, empty
   * for the one that comes along; `unload`: minutes without work after which the model's memory is freed.
   */
  async of({ address, origin, pack, unload }) {
    if (pack !== this.#pack) this.#change(pack);
    const find = () => this.#fetch(address, origin, unload);
    // A data: address is as long as its picture.
    return address.startsWith('data:') ? find() : this.#byAddress.get(address, find);
  }

  /** Frees the model's memory, unless it is at work. */
  unload() {
    if (this.#busy === 0) this.#drop();
  }

  #drop() {
    clearTimeout(this.#idle);
    this.#loading?.then((clf) => clf.dispose(), () => {});
    this.#loading = null;
    this.#tell({ state: 'idle' });
  }

  /** Another pack's verdicts may be others. */
  #change(pack) {
    this.#pack = pack;
    this.#drop();
    this.#byAddress.clear();
    this.#byContent.clear();
  }

  async #fetch(address, origin, unload) {
    const blob = await download(address, origin);
    const hash = await sha256(blob);
    return this.#byContent.get(hash, async () => ({ hash, tasks: await this.#classify(blob, unload) }));
  }

  async #classify(blob, unload) {
    clearTimeout(this.#idle);
    this.#busy++;
    try {
      const clf = await this.#load();
      const verdict = await clf.classify(blob);
      this.#tell({ state: 'ready', info: clf.info, device: verdict.device });
      return verdict.tasks;
    } finally {
      this.#busy--;
      if (this.#busy === 0) this.#idle = setTimeout(() => this.unload(), unload * 60_000);
    }
  }

  #load() {
    this.#loading ??= this.#open();
    return this.#loading;
  }

  async #open() {
    this.#tell({ state: 'loading' });
    try {
      const onProgress = (progress) => this.#tell({ ...this.model, state: 'loading', progress });
      return await MemeClip.load(this.#pack || new URL('weights/', import.meta.url), { onProgress });
    } catch (error) {
      this.#loading = null;
      this.#tell({ state: 'failed', error: { code: error.code, message: error.message } });
      throw error;
    }
  }

  #tell(model) {
    this.model = model;
    this.#onChange();
  }
}

/** Promises by key; the least recently used go first, and those that fail at once. */
class Kept extends Map {
  get(key, make) {
    const promise = super.get(key) ?? make();
    this.delete(key);
    this.set(key, promise);
    promise.catch(() => this.delete(key));
    if (this.size > KEPT) this.delete(this.keys().next().value);
    return promise;
  }
}

/** Pictures that were asked for with a referrer. */
let referred = 0;

/** Without cookies, and without a referrer unless the server wants one. */
async function download(address, origin) {
  let reason;
  try {
    let response = await get(address);
    if (response.status === 403 && origin.startsWith('http')) {
      const rule = { method: 'refer', id: ++referred, address };
      await call({ ...rule, origin });
      response = await get(address);
      call(rule);
    }
    if (response.ok) return await response.blob();
    reason = `the server answers ${response.status}`;
  } catch (error) {
    reason = error.message;
  }
  throw Object.assign(new Error(`the image cannot be read (${reason}).`), { code: 'image/unreadable' });
}

function get(address) {
  return fetch(address, { credentials: 'omit', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(PATIENCE) });
}

async function sha256(blob) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
