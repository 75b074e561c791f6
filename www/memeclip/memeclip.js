// MemeCLIP in the browser. Everything heavy happens in worker.js; here requests are sent to it and answers received.

import { watch } from './alive.js';
import { builds } from './builds.js';
import { cost } from './cost.js';
import { MemeClipError, failure } from './error.js';
import { observe } from './observe.js';
import { start } from './start.js';
import { within } from './within.js';

export { MemeClipError };

/** Milliseconds for a browser to say what GPU it has. */
const PATIENCE = 10_000;
/**
 * Errors after which the next request starts afresh: the Worker may be in disorder, its GPU's memory is full, or the pack's
 * files are no longer those that its manifest named.
 */
const FATAL = ['internal', 'gpu/memory', 'pack/missing-shard', 'pack/shard-size', 'pack/shard-hash', 'pack/tensor'];
const here = import.meta.url;

/** A pack of weights, opened in a Worker. */
export class MemeClip {
  #open;
  #tasks;
  #onProgress;
  #assets;
  #messages = null;
  #ended = null;
  #worker = null;
  #loader = null;
  #opened = null;
  #pending = new Map();
  #next = 0;
  #disposed = new AbortController();
  #info;

  /** Reads the manifest of the pack at `url`; weights are fetched when a request first needs them. */
  static async load(url, { device = 'auto', threads, tasks = [], signal, onProgress, assets, integrity } = {}) {
    const clf = new MemeClip(url, { device, threads, tasks, onProgress, assets, integrity });
    try {
      await clf.#ready(signal);
    } catch (error) {
      clf.dispose();
      throw error;
    }
    return clf;
  }

  /** What this browser offers, and what a verdict with the pack at `weights` will fetch. */
  static async support({ weights, assets } = {}) {
    const adapter = await within(PATIENCE, globalThis.navigator?.gpu?.requestAdapter()).catch(() => null);
    const software = Boolean(adapter && (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter));
    const webgpu = Boolean(adapter) && !software;
    const { builds: [build], threads } = code();
    const cache = 'caches' in globalThis;
    const support = { device: webgpu ? 'gpu' : 'cpu', webgpu, software, relaxedSimd: relaxedSimd(), threads, cache };
    if (weights === undefined) return support;
    const price = () => cost(folder(weights), addressesOf(build, assets));
    const load = await price().catch(async () => {
      // What is wrong, who reads the pack says; nothing is if there is no connection and the pack is kept here.
      const clf = await MemeClip.load(weights, { device: 'cpu', assets });
      clf.dispose();
      return price();
    });
    return { ...support, load };
  }

  constructor(url, { device, threads, tasks, onProgress, assets, integrity }) {
    this.#open = { base: folder(url), pinned: sha256Of(integrity), device: String(device), ...code(threads) };
    this.#tasks = tasks;
    this.#onProgress = onProgress;
    this.#assets = assets === undefined ? undefined : folder(assets);
  }

  /** What the pack is and what it runs on. */
  get info() {
    return this.#info;
  }

  /** The verdicts on one meme, or for each of a list those or its error. Without `text` its words are read off the picture. */
  async classify(image, options = {}) {
    if (!Array.isArray(image)) return this.#classify(image, options);
    const { text = image.map(() => undefined), signal } = options;
    if (!Array.isArray(text) || text.length !== image.length) {
      throw failure('argument', 'the texts of several images are not as many', 'Give a list with one for each.');
    }
    const answers = image.map((one, i) => this.#classify(one, { ...options, text: text[i] }).catch((error) => error));
    const settled = await Promise.all(answers);
    if (signal?.aborted) throw aborted();
    if (this.#disposed.signal.aborted) throw disposed();
    return settled;
  }

  async #classify(image, { text, tasks = this.#tasks, signal, features = false }) {
    if (signal?.aborted) throw aborted();
    const source = await sourceOf(image);
    await this.#ready();
    const request = { source, text: words(text), tasks: Array.from(tasks, String), features };
    return this.#request('classify', request, signal);
  }

  /** Why the verdict on a meme is what it is. */
  async explain(image, { text, tasks = this.#tasks, signal } = {}) {
    if (signal?.aborted) throw aborted();
    const source = await sourceOf(image);
    await this.#ready();
    return this.#request('explain', { source, text: words(text), tasks: Array.from(tasks, String) }, signal);
  }

  /** What a picture says. */
  async read(image, { signal } = {}) {
    if (signal?.aborted) throw aborted();
    const source = await sourceOf(image);
    await this.#ready();
    return this.#request('read', { source }, signal);
  }

  /** Watches the pictures below `root` and tells of those that are likely to be hateful. */
  observe(root, { tasks = this.#tasks, signal, ...options } = {}) {
    if (this.#disposed.signal.aborted) throw disposed();
    // Hate decides; none named means all.
    const asked = new Set(['hate', ...(tasks.length > 0 ? tasks : this.#info.tasks)]);
    const classify = (address, signal) => this.#classify(address, { tasks: asked, signal });
    const end = AbortSignal.any([this.#disposed.signal, ...(signal ? [signal] : [])]);
    return observe(classify, root, { ...options, signal: end });
  }

  /** Ends the Worker and frees its memory. */
  dispose() {
    this.#disposed.abort();
    this.#stop(disposed());
  }

  /** A Worker with the pack open: the one that is there, or a new one after a crash. */
  async #ready(signal) {
    if (this.#disposed.signal.aborted) throw disposed();
    if (!this.#worker) {
      this.#start();
      this.#opened = this.#request('open', { ...this.#open, channel: this.#messages.name }, signal);
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

  #start() {
    // From all Workers, also from a thread that the model's waits for: a crash, or the lock that tells of a Worker's end.
    const { signal } = (this.#ended = new AbortController());
    this.#messages = new BroadcastChannel(`memeclip ${Math.random()}`);
    this.#messages.onmessage = ({ data: { crashed, lock } }) =>
      lock ? watch(lock, signal, () => this.#crash('the browser has ended a Worker')) : this.#crash(crashed);
    this.#worker = this.#create(
      'worker.js',
      () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'memeclip' }),
    );
    this.#worker.onmessage = ({ data: { id, value, error, progress } }) => {
      const pending = this.#pending.get(id);
      // The Worker's first word, or an aborted request's last ones.
      if (!pending) return;
      if (progress) return this.#onProgress?.(progress);
      this.#pending.delete(id);
      if (!error) return pending.resolve(value);
      const failed = new MemeClipError(error.code, error.message, error.remedy);
      pending.reject(failed);
      if (FATAL.includes(failed.code)) this.#stop(failed);
    };
    // Not started by worker.js, its one caller: at times Chromium does not end a Worker with a GPU and Workers of its own.
    this.#loader = this.#create(
      'loader.js',
      () => new Worker(new URL('./loader.js', import.meta.url), { type: 'module', name: 'memeclip-loader' }),
    );
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage({ method: 'loader', port: port1 }, [port1]);
    this.#loader.postMessage(port2, [port2]);
  }

  /** One of the two Workers; `own` as `start` has it. */
  #create(name, own) {
    const script = new URL(name, this.#assets ?? here);
    let worker;
    try {
      worker = start(script, this.#assets ? undefined : own);
    } catch (error) {
      const remedy = 'Load the classifier in a page whose security policy allows Workers.';
      const refused = failure('argument', `${script} cannot run here (${error.message})`, remedy);
      this.#stop(refused);
      throw refused;
    }
    worker.onerror = (event) => {
      event.preventDefault();
      if (event.message) return this.#crash(event.message);
      const remedy = 'Serve all of the package, in one folder; from another site, allow cross-origin reads of it.';
      this.#stop(failure('network', `${script} could not be loaded`, remedy));
    };
    return worker;
  }

  /** A trap in the WebAssembly, memory exhausted above all, leaves a Worker of no further use. */
  #crash(reason) {
    this.#stop(failure('internal', `internal error: ${reason}`, 'The next request starts afresh.'));
  }

  #stop(error) {
    for (const worker of [this.#worker, this.#loader].filter(Boolean)) {
      worker.terminate();
      worker.onerror = null;
    }
    this.#worker = this.#loader = null;
    this.#ended?.abort();
    this.#messages?.close();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #request(method, parameters, signal) {
    if (signal?.aborted) throw aborted();
    const id = this.#next++;
    try {
      this.#worker.postMessage({ id, method, ...parameters });
    } catch (error) {
      throw failure('image/unreadable', `the image cannot be read (${error.message})`, 'Give its file.');
    }
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#pending.set(id, { resolve, reject });
    const stop = () => {
      this.#worker?.postMessage({ id, method: 'abort' });
      this.#pending.delete(id);
      reject(aborted());
    };
    signal?.addEventListener('abort', stop, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', stop));
  }
}

/** Undefined stays so: it is read off the picture. */
function words(text) {
  return text === undefined ? undefined : String(text ?? '');
}

function aborted() {
  return failure('aborted', 'stopped on request', 'Ask again if it is wanted after all.');
}

function disposed() {
  return failure('argument', 'this classifier is disposed', 'Load a new one.');
}

function absolute(url) {
  const base = globalThis.document?.baseURI ?? globalThis.location.href;
  if (!URL.canParse(url, base)) {
    throw failure('argument', `'${url}' is no address`, 'Give one such as https://example.org/pack/.');
  }
  return new URL(url, base).href;
}

/** A pack's address, or another folder's, with a slash at its end. */
function folder(url) {
  return `${absolute(url).replace(/manifest\.json$/, '').replace(/\/+$/, '')}/`;
}

/** The sha256 of a subresource's integrity, in hexadecimal. */
function sha256Of(integrity) {
  if (integrity === undefined) return undefined;
  const [, digest] = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(integrity) ?? [];
  if (!digest) {
    throw failure('argument', `'${integrity}' is no sha256 integrity`, "Give the one that `memeclip inspect` prints: 'sha256-…'.");
  }
  return Array.from(atob(digest), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** Where a build of the WebAssembly is: what bundlers have made of it, or below the folder that the page names. */
function addressesOf(build, assets) {
  if (assets === undefined) return builds[build];
  const at = (file) => new URL(`pkg/${file}`, folder(assets));
  return { script: at(`${build}.js`), module: at(`${build}_bg.wasm`) };
}

/** What the Worker needs to read the image: something that can be posted to it. */
async function sourceOf(image) {
  const is = (name) => typeof globalThis[name] === 'function' && image instanceof globalThis[name];
  if (typeof image === 'string' || is('URL')) return { url: absolute(image) };
  if (is('HTMLImageElement')) return { url: absolute(image.currentSrc || image.src || 'about:blank') };
  if (is('Blob')) return { blob: image, name: image.name || 'the image' };
  if (is('ArrayBuffer') || ArrayBuffer.isView(image)) return { blob: new Blob([image]), name: 'the image' };
  if (is('ImageData')) return pixels(image);
  if (is('ImageBitmap')) return { bitmap: image };
  if (is('HTMLCanvasElement') || is('OffscreenCanvas')) return pixelsOfCanvas(image);
  const sources = 'File, Blob, ArrayBuffer, ImageData, ImageBitmap, canvas, img or address';
  throw failure('argument', 'not an image source', `Give a ${sources}.`);
}

function pixels({ width, height, data }) {
  return { pixels: { width, height, data } };
}

async function pixelsOfCanvas(canvas) {
  const { width, height } = canvas;
  if (width === 0 || height === 0) return pixels({ width, height, data: new Uint8Array() });
  try {
    const context = canvas.getContext('2d');
    return context ? pixels(context.getImageData(0, 0, width, height)) : { bitmap: await createImageBitmap(canvas) };
  } catch (error) {
    throw failure('image/unreadable', `the canvas cannot be read (${error.message})`, "Give its images' files.");
  }
}

/** The builds of the WebAssembly that this page can run, best first, and how many threads the best one gets. */
function code(threads = navigator.hardwareConcurrency) {
  if (!Number.isInteger(threads) || threads < 1) {
    throw failure('argument', `'${threads}' is no number of threads`, 'Give 1 or more.');
  }
  if (!relaxedSimd()) return { builds: ['simd128'], threads: 1 };
  // Threads share memory, which other sites' pages in the same process must not see. Of more than 8, each has too little to do.
  if (!globalThis.crossOriginIsolated || threads === 1) return { builds: ['relaxed'], threads: 1 };
  return { builds: ['threads', 'relaxed'], threads: Math.min(threads, 8) };
}

/** Whether the browser runs relaxed SIMD: it then accepts this module, one function with i8x16.relaxed_swizzle. */
function relaxedSimd() {
  return WebAssembly.validate(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
    253, 128, 2, 11,
  ]));
}
