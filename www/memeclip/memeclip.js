// MemeCLIP in JavaScript. Everything heavy happens in worker.js; this sends it requests and receives the answers.

import { folder } from './address.js';
import { downloadSize } from './download-size.js';
import { MemeClipError, failure, messageOf } from './error.js';
import { listOf, shownBy, sourceOf } from './image-source.js';
import { observe } from './observe.js';
import { platform } from './platform.js';
import { relaxedSimd } from './simd.js';
import { checkSupport, chooseBuilds, missingFeatures } from './support.js';
import { anySignal, withTimeout } from './timeout.js';
import { builds } from './wasm-files.js';
import { watchLock } from './worker-lock.js';

/**
 * @import {
 *   ClassifyListOptions, ClassifyOptions, ExplainOptions, Explanation, ImageSource, Info, LoadOptions, Observation,
 *   ObserveOptions, ReadOptions, Reading, Speed, Support, SupportOptions, Task, Verdict,
 * } from './types.js'
 */
/** @import { Thread } from './platform.js' */
/** @import { Build, WasmFiles } from './wasm-files.js' */

export { MemeClipError };

/** Milliseconds for a browser to say what GPU it has. */
const ADAPTER_TIMEOUT = 10_000;
/**
 * Errors after which the next request starts afresh: the Worker may be in disorder, its GPU's memory is full, or the pack's
 * files are no longer those that its manifest named.
 */
const FATAL = ['internal', 'gpu/memory', 'pack/missing-shard', 'pack/shard-size', 'pack/shard-hash', 'pack/tensor'];
const here = import.meta.url;

/**
 * A pack of weights, opened in a Worker. Requests are answered one after the other as their images arrive, or a few
 * at a time on a GPU.
 */
export class MemeClip {
  #open;
  #tasks;
  #onProgress;
  #assets;
  /** @type {BroadcastChannel | null} */
  #messages = null;
  /** @type {AbortController | null} */
  #ended = null;
  /** @type {Thread | null} */
  #worker = null;
  /** @type {Thread | null} */
  #loader = null;
  /** @type {Promise<Info> | null} */
  #opened = null;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void }>} */
  #pending = new Map();
  #next = 0;
  #disposed = new AbortController();
  /** @type {Info | null} */
  #info = null;

  /**
   * Reads the manifest of the pack at `url`; weights are fetched when a request first needs them.
   * @param {string | URL} url
   * @param {LoadOptions} [options]
   * @returns {Promise<MemeClip>}
   */
  static async load(url, options = {}) {
    checkSupport();
    const clf = new MemeClip(url, options);
    try {
      await clf.#ready(options.signal);
    } catch (error) {
      clf.dispose();
      throw error;
    }
    return clf;
  }

  /**
   * What can be done here, and with `weights`, what verdicts will fetch. Loads nothing but the pack's manifest, and with
   * `probe` the program. Rejects with a `MemeClipError` if the pack cannot be loaded, or the device cannot be had.
   * @param {SupportOptions} [options]
   * @returns {Promise<Support>}
   */
  static async support(options = {}) {
    const { weights, probe, assets, cache: kept } = options;
    const missing = missingFeatures();
    const supported = missing.length === 0;
    const adapter = await requestAdapter();
    const software = Boolean(adapter && (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter));
    const webgpu = Boolean(adapter) && !software;
    const { builds: [build], threads } = chooseBuilds();
    const cache = platform.keeps();
    const device = webgpu ? 'gpu' : 'cpu';
    /** @type {Support} */
    const support = { supported, missing, device, webgpu, software, relaxedSimd: relaxedSimd(), threads, cache };
    if (weights === undefined || !supported) return support;
    const size = () => downloadSize(folder(weights), addressesOf(build, assets), folderOf(kept));
    const load = await size().catch(async () => {
      // Loading the pack says what is wrong; nothing is if there is no connection and the pack is in the cache.
      const clf = await MemeClip.load(weights, { device: 'cpu', assets, cache: kept });
      clf.dispose();
      return size();
    });
    if (probe === undefined) return { ...support, load };
    const clf = await MemeClip.load(weights, { device: probe, assets, cache: kept });
    try {
      return { ...support, load, speed: await clf.probe() };
    } finally {
      clf.dispose();
    }
  }

  /**
   * @private
   * @param {string | URL} url
   * @param {LoadOptions} options
   */
  constructor(url, { device = 'auto', threads, tasks = [], onProgress, assets, integrity, cache }) {
    const pack = { base: folder(url), cache: folderOf(cache), integrity: checkIntegrity(integrity) };
    this.#open = { ...pack, device: String(device), ...chooseBuilds(threads) };
    this.#tasks = tasks;
    this.#onProgress = onProgress;
    this.#assets = folderOf(assets);
  }

  /**
   * What the pack is and what it runs on.
   * @returns {Info}
   */
  get info() {
    // `load` hands out a classifier only once it is there.
    return /** @type {Info} */ (this.#info);
  }

  /**
   * The verdict on a meme. Without `text` its text is read from the image. Rejects with a `MemeClipError`.
   * @overload
   * @param {ImageSource} image
   * @param {ClassifyOptions} [options]
   * @returns {Promise<Verdict>}
   */
  /**
   * One answer for each image, in their order: an image without a verdict has its error in its place. Rejects only if it is
   * stopped, by the signal or by `dispose`, or if there is not one text for each image.
   * @overload
   * @param {readonly ImageSource[] | FileList} images
   * @param {ClassifyListOptions} [options]
   * @returns {Promise<(Verdict | MemeClipError)[]>}
   */
  /**
   * @param {ImageSource | readonly ImageSource[] | FileList} image
   * @param {ClassifyOptions | ClassifyListOptions} [options]
   * @returns {Promise<Verdict | (Verdict | MemeClipError)[]>}
   */
  async classify(image, options = {}) {
    const images = listOf(image);
    if (!images) return this.#classify(/** @type {ImageSource} */ (image), /** @type {ClassifyOptions} */ (options));
    const { text = images.map(() => undefined), signal } = options;
    if (!Array.isArray(text) || text.length !== images.length) {
      throw failure('argument', 'there is not one text for each image', 'Give a list of as many texts as images.');
    }
    const answers = images.map((one, i) => this.#classify(one, { ...options, text: text[i] }).catch((error) => error));
    const settled = await Promise.all(answers);
    if (signal?.aborted) throw aborted();
    if (this.#disposed.signal.aborted) throw disposed();
    return settled;
  }

  /**
   * @param {ImageSource} image
   * @param {ClassifyOptions} options
   * @returns {Promise<Verdict>}
   */
  async #classify(image, { text, tasks = this.#tasks, signal, features = false, noWords = 'judge' }) {
    if (!['judge', 'skip'].includes(noWords)) {
      throw failure('argument', `\`noWords\` must be 'judge' or 'skip', not '${noWords}'`, 'Give one of them.');
    }
    const request = { text: textOf(text), tasks: Array.from(tasks, String), features, noWords };
    return this.#ask('classify', image, request, signal);
  }

  /**
   * Why the verdict on a meme is what it is. It takes two to four times as long as a verdict, by the number of words, and
   * less if the image was explained lately.
   * @param {ImageSource} image
   * @param {ExplainOptions} [options]
   * @returns {Promise<Explanation>}
   */
  async explain(image, options = {}) {
    const { text, tasks = this.#tasks, signal } = options;
    return this.#ask('explain', image, { text: textOf(text), tasks: Array.from(tasks, String) }, signal);
  }

  /**
   * The text in an image. The pack needs a component `ocr`, else `pack/missing-component`.
   * @param {ImageSource} image
   * @param {ReadOptions} [options]
   * @returns {Promise<Reading>}
   */
  async read(image, options = {}) {
    return this.#ask('read', image, {}, options.signal);
  }

  /**
   * About how long a verdict takes here. Fetches no weights, and takes a second or two, for which requests wait.
   * @returns {Promise<Speed>}
   */
  async probe() {
    await this.#ready();
    return this.#request('probe', {});
  }

  /**
   * Classifies the `img` elements below `root` (also in `picture`, in open shadow roots, and those that are added or changed
   * later) as they come into the viewport; those that leave it before their turn are dropped until they come back. Each
   * address is asked for once. The page is not changed. Not seen: CSS backgrounds, frames, closed shadow roots.
   * @param {Document | DocumentFragment | Element} root
   * @param {ObserveOptions} options
   * @returns {Observation}
   */
  observe(root, options) {
    if (this.#disposed.signal.aborted) throw disposed();
    const { tasks = this.#tasks, noWords, signal, ...others } = options ?? {};
    // Hate decides; none named means all.
    const asked = [...new Set(['hate', ...(tasks.length > 0 ? tasks : this.info.tasks)])];
    const classify = (/** @type {HTMLImageElement} */ image, /** @type {AbortSignal} */ signal) =>
      this.#classify(image, { tasks: asked, noWords, signal });
    const end = anySignal([this.#disposed.signal, ...(signal ? [signal] : [])]);
    return observe(classify, root, { ...others, signal: end });
  }

  /** Ends the Worker and frees its memory. */
  dispose() {
    this.#disposed.abort();
    this.#stop(disposed());
  }

  /**
   * Waits for a Worker with the pack open: the one that is there, or a new one after a crash.
   * @param {AbortSignal} [signal]
   */
  async #ready(signal) {
    if (this.#disposed.signal.aborted) throw disposed();
    if (!this.#worker) {
      const channel = this.#start();
      this.#opened = this.#request('open', { ...this.#open, channel }, signal);
    }
    const worker = this.#worker;
    try {
      this.#info = await this.#opened;
    } catch (error) {
      // The next request opens the pack anew.
      if (this.#worker === worker) this.#stop(error);
      throw error;
    }
  }

  /** Starts the Workers; returns the name of the BroadcastChannel on which they tell of a crash. */
  #start() {
    const { signal } = (this.#ended = new AbortController());
    const messages = (this.#messages = platform.channel(`memeclip ${Math.random()}`));
    // From all Workers, also from a thread that the model's waits for: a crash, or the lock that tells of a Worker's end.
    messages.onmessage = ({ data: { crashed, lock } }) =>
      lock ? watchLock(lock, signal, () => this.#crash('the browser has ended a Worker')) : this.#crash(crashed);
    const worker = (this.#worker = this.#create(
      'worker.js',
      () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'memeclip' }),
    ));
    worker.onmessage = ({ data: { id, value, error, progress } }) => {
      const pending = this.#pending.get(id);
      // The Worker's first message, or an aborted request's last ones.
      if (!pending) return;
      if (progress) return this.#onProgress?.(progress);
      this.#pending.delete(id);
      if (!error) return pending.resolve(value);
      const failed = new MemeClipError(error.code, error.message, error.remedy);
      pending.reject(failed);
      if (FATAL.includes(failed.code)) this.#stop(failed);
    };
    // Not started by worker.js, its one caller: at times Chromium does not end a Worker with a GPU and Workers of its own.
    const loader = (this.#loader = this.#create(
      'loader.js',
      () => new Worker(new URL('./loader.js', import.meta.url), { type: 'module', name: 'memeclip-loader' }),
    ));
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ method: 'loader', port: port1 }, [port1]);
    loader.postMessage(port2, [port2]);
    return messages.name;
  }

  /**
   * One of the two Workers.
   * @param {string} name
   * @param {() => Worker} create As for `startWorker`.
   */
  #create(name, create) {
    const script = new URL(name, this.#assets ?? here);
    let worker;
    try {
      worker = platform.startWorker(script, this.#assets ? undefined : create);
    } catch (error) {
      const refused = failure('argument', `${script} cannot run here (${messageOf(error)})`, platform.forbidden);
      this.#stop(refused);
      throw refused;
    }
    worker.onerror = (event) => {
      event.preventDefault();
      if (event.message) return this.#crash(event.message);
      this.#stop(failure('network', `${script} could not be loaded`, platform.incomplete));
    };
    return worker;
  }

  /**
   * A trap in the WebAssembly, most often because memory is exhausted, leaves a Worker of no further use.
   * @param {string} reason
   */
  #crash(reason) {
    this.#stop(failure('internal', `internal error: ${reason}`, 'The next request starts afresh.'));
  }

  /** @param {unknown} error What the pending requests reject with. */
  #stop(error) {
    for (const worker of [this.#worker, this.#loader]) {
      if (!worker) continue;
      worker.terminate();
      worker.onerror = null;
    }
    this.#worker = this.#loader = null;
    this.#ended?.abort();
    this.#messages?.close();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /**
   * Asks about an image: by its address, and if that does not give it, by the pixels that its element shows.
   * @param {string} method
   * @param {ImageSource} image
   * @param {object} parameters
   * @param {AbortSignal} [signal]
   */
  async #ask(method, image, parameters, signal) {
    if (signal?.aborted) throw aborted();
    const source = await sourceOf(image);
    await this.#ready();
    try {
      return await this.#request(method, { source, ...parameters }, signal);
    } catch (error) {
      const failed = error instanceof MemeClipError && error.code.startsWith('image/') && 'url' in source;
      const shown = failed ? await shownBy(image, source.url) : null;
      if (!shown) throw error;
      await this.#ready();
      return this.#request(method, { source: shown, ...parameters }, signal);
    }
  }

  /**
   * Asks the Worker, which must be there.
   * @param {string} method
   * @param {object} parameters
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  #request(method, parameters, signal) {
    if (signal?.aborted) throw aborted();
    const id = this.#next++;
    try {
      this.#worker?.postMessage({ id, method, ...parameters });
    } catch (error) {
      throw failure('image/unreadable', `the image cannot be read (${messageOf(error)})`, 'Give its file.');
    }
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    const stop = () => {
      this.#worker?.postMessage({ id, method: 'abort' });
      this.#pending.get(id)?.reject(aborted());
      this.#pending.delete(id);
    };
    signal?.addEventListener('abort', stop, { once: true });
    return platform.whileAwaited(answer.finally(() => signal?.removeEventListener('abort', stop)));
  }
}

/** The GPU adapter, null if there is none. */
async function requestAdapter() {
  return withTimeout(ADAPTER_TIMEOUT, platform.gpu()?.requestAdapter()).catch(() => null);
}

/**
 * Undefined stays so: the text is then read from the image.
 * @param {unknown} text
 */
function textOf(text) {
  return text === undefined ? undefined : String(text ?? '');
}

function aborted() {
  return failure('aborted', 'stopped on request', 'Send the request again if you still need it.');
}

function disposed() {
  return failure('argument', 'this classifier is disposed', 'Load a new one.');
}

/**
 * Refuses what is not an integrity value of SHA-256, as `memeclip inspect` prints it.
 * @param {string} [integrity]
 */
function checkIntegrity(integrity) {
  if (integrity === undefined || /^sha256-[A-Za-z0-9+/]{43}=$/.test(integrity)) return integrity;
  throw failure('argument', `'${integrity}' is not an SHA-256 integrity value`, "Give the one that `memeclip inspect` prints: 'sha256-…'.");
}

/** @param {string | URL} [url] */
function folderOf(url) {
  return url === undefined ? undefined : folder(url);
}

/**
 * Where a build of the WebAssembly is: what bundlers have made of it, or below the folder that the page names.
 * @param {Build} build
 * @param {string | URL} [assets]
 * @returns {WasmFiles}
 */
function addressesOf(build, assets) {
  if (assets === undefined) return builds[build];
  const at = (/** @type {string} */ file) => new URL(`pkg/${file}`, folder(assets));
  return { script: at(`${build}.js`), module: at(`${build}_bg.wasm`) };
}
