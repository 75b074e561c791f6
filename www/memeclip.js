// MemeCLIP in the browser. Everything heavy happens in worker.js; here requests are sent to it and answers received.

/** Every error of this module; `code` is stable, `message` says what to do. */
export class MemeClipError extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'MemeClipError';
    this.code = code;
  }
}

/** A pack of weights, opened in a Worker. */
export class MemeClip {
  #open;
  #tasks;
  #onProgress;
  #assets;
  #crashes = null;
  #worker = null;
  #opened = null;
  #pending = new Map();
  #next = 0;
  #disposed = false;
  #info;

  /** Reads the manifest of the pack at `url`; weights are fetched when a request first needs them. */
  static async load(url, { device = 'auto', threads, tasks = [], signal, onProgress, assets } = {}) {
    const clf = new MemeClip(url, device, threads, tasks, onProgress, assets);
    try {
      await clf.#ready(signal);
    } catch (error) {
      clf.dispose();
      throw error;
    }
    return clf;
  }

  /** What this browser offers. */
  static async support() {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter();
    const software = Boolean(adapter && (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter));
    return {
      webgpu: Boolean(adapter) && !software,
      software,
      relaxedSimd: relaxedSimd(),
      threads: code().threads,
      cache: 'caches' in globalThis,
    };
  }

  constructor(url, device, threads, tasks, onProgress, assets) {
    this.#open = { url: absolute(url), device: String(device), ...code(threads) };
    this.#tasks = tasks;
    this.#onProgress = onProgress;
    this.#assets = assets === undefined ? import.meta.url : `${absolute(assets)}/`;
  }

  /** What the pack is and what it runs on. */
  get info() {
    return this.#info;
  }

  /** The verdicts on one meme. Without `text` its words are read off the picture. */
  async classify(image, { text, tasks = this.#tasks, signal, features = false } = {}) {
    if (signal?.aborted) throw aborted();
    const source = await sourceOf(image);
    await this.#ready();
    const words = text === undefined ? undefined : String(text ?? '');
    const request = { source, text: words, tasks: Array.from(tasks, String), features };
    return this.#request('classify', request, signal);
  }

  /** What a picture says. */
  async read(image, { signal } = {}) {
    if (signal?.aborted) throw aborted();
    const source = await sourceOf(image);
    await this.#ready();
    return this.#request('read', { source }, signal);
  }

  /** Ends the Worker and frees its memory. */
  dispose() {
    this.#disposed = true;
    this.#stop(new MemeClipError('argument', 'this classifier is disposed. Load a new one.'));
  }

  /** A Worker with the pack open: the one that is there, or a new one after a crash. */
  async #ready(signal) {
    if (this.#disposed) throw new MemeClipError('argument', 'this classifier is disposed. Load a new one.');
    if (!this.#worker) {
      this.#start();
      this.#opened = this.#request('open', { ...this.#open, crashes: this.#crashes.name }, signal);
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
    const script = new URL('worker.js', this.#assets);
    try {
      this.#worker = new Worker(script, { type: 'module', name: 'memeclip' });
    } catch (error) {
      throw new MemeClipError('argument', `${script} cannot run here (${error.message}). Serve it from the page's site.`);
    }
    this.#worker.onmessage = ({ data: { id, value, error, progress } }) => {
      const pending = this.#pending.get(id);
      // An aborted request's last words.
      if (!pending) return;
      if (progress) return this.#onProgress?.(progress);
      this.#pending.delete(id);
      if (error) pending.reject(new MemeClipError(error.code, error.message));
      else pending.resolve(value);
    };
    // A trap in the WebAssembly, memory exhausted above all, leaves a Worker of no further use.
    const crash = (reason) =>
      this.#stop(new MemeClipError('internal', `internal error: ${reason}. The next request starts afresh.`));
    this.#worker.onerror = (event) => {
      event.preventDefault();
      crash(event.message || 'worker.js could not be loaded');
    };
    // The same in a thread that the Worker waits for.
    this.#crashes = new BroadcastChannel(`memeclip ${Math.random()}`);
    this.#crashes.onmessage = ({ data: reason }) => crash(reason);
  }

  #stop(error) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#crashes?.close();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #request(method, parameters, signal) {
    if (signal?.aborted) throw aborted();
    const id = this.#next++;
    try {
      this.#worker.postMessage({ id, method, ...parameters });
    } catch (error) {
      throw new MemeClipError('image/unreadable', `the image cannot be read (${error.message}). Give its file.`);
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

function aborted() {
  return new MemeClipError('aborted', 'stopped on request.');
}

function absolute(url) {
  const base = globalThis.document?.baseURI ?? globalThis.location.href;
  if (!URL.canParse(url, base)) {
    throw new MemeClipError('argument', `'${url}' is no address. Give one such as https://example.org/pack/.`);
  }
  return new URL(url, base).href;
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
  throw new MemeClipError('argument', `not an image source. Give a ${sources}.`);
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
    throw new MemeClipError('image/unreadable', `the canvas cannot be read (${error.message}). Give its images' files.`);
  }
}

/** The builds of the WebAssembly that this page can run, best first, and how many threads the best one gets. */
function code(threads = navigator.hardwareConcurrency) {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new MemeClipError('argument', `'${threads}' is no number of threads. Give 1 or more.`);
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
