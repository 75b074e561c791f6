// The model's thread: decodes images and runs the WebAssembly. Requests are answered one after the other, or several
// together where the device gains by it.

let wasm;
let loader;
let classifier;
/** What is known of the GPU: plans.js, where there is one. */
let plans;
/** Requests that wait, in order. */
const waiting = [];
let busy = false;
/** Stops a request, waiting or running. */
const stops = new Map();

self.onmessage = ({ data: { id, method, ...parameters } }) => {
  if (method === 'abort') {
    stops.get(id)?.abort();
    return;
  }
  const stop = new AbortController();
  stops.set(id, stop);
  waiting.push({ id, method, parameters, stop });
  if (!busy) work();
};

async function work() {
  busy = true;
  while (waiting.length > 0) await answer(next());
  busy = false;
}

/** The next requests: more than one if one call can answer them. */
function next() {
  const kind = ({ method, parameters: { tasks, features } }) => JSON.stringify([method, tasks, features]);
  const others = waiting.findIndex((request) => kind(request) !== kind(waiting[0]));
  const alike = others < 0 ? waiting.length : others;
  const most = waiting[0].method === 'classify' ? (classifier?.batch ?? 1) : 1;
  return waiting.splice(0, Math.min(alike, most));
}

// An unexpected error, or a trap inside a promise: the page hears of errors only.
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});

async function answer(requests) {
  const all = new AbortController();
  // What they share is needed until the last of them is stopped.
  const check = () => requests.every(({ stop }) => stop.signal.aborted) && all.abort();
  for (const { stop } of requests) stop.signal.addEventListener('abort', check);
  all.signal.addEventListener('abort', () => loader?.call('abort'));
  try {
    await methods[requests[0].method](requests, all.signal);
  } catch (error) {
    for (const request of requests) fail(request, error);
  } finally {
    for (const { id } of requests) stops.delete(id);
  }
}

function fail({ id, stop }, error) {
  // Our own errors have a code; any other one may have left the WebAssembly in disorder.
  if (typeof error.code !== 'string' && !stop.signal.aborted) throw error;
  self.postMessage({ id, error: { code: error.code, message: error.message } });
  // What the request was still downloading.
  stop.abort();
}

const methods = {
  async open([{ id, parameters: { url, device, builds, threads, crashes } }], signal) {
    loader = new Loader(new URL('loader.js', import.meta.url));
    const base = `${url.replace(/manifest\.json$/, '').replace(/\/+$/, '')}/`;
    loader.call('open', base);
    const build = await load(builds);
    const start = async (module, memory) => {
      const { startThreads } = await import('./threads.js');
      await startThreads(wasm, build, module, memory, threads, crashes);
    };
    classifier = await wasm.Classifier.open(loader, base, device, wasm.startThreads && start, signal);
    plans = classifier.plans() === undefined ? undefined : await import('./plans.js');
    await plans?.recall(classifier);
    self.postMessage({ id, value: classifier.info() });
  },

  async classify(requests, signal) {
    const memes = [];
    for (const request of requests) {
      try {
        memes.push(await prepare(request));
      } catch (error) {
        fail(request, error);
      }
    }
    if (memes.length === 0) return;
    tell(memes);
    const [images, texts] = [memes.map(({ image }) => image), memes.map(({ text }) => text)];
    const { tasks, features } = requests[0].parameters;
    const verdicts = await classifier.classify(images, texts, tasks, features, signal);
    plans?.keep(classifier);
    for (const [i, { id, size, start, decoded }] of memes.entries()) {
      const timings = { ...verdicts[i].timings, decode: decoded - start, total: performance.now() - start };
      self.postMessage({ id, value: { ...verdicts[i], timings, image: size } });
    }
  },

  async explain([request], signal) {
    const { id, image, text } = await prepare(request);
    tell([request]);
    const value = await classifier.explain(image, text, request.parameters.tasks, signal);
    plans?.keep(classifier);
    self.postMessage({ id, value });
  },
};

/** Tells these requests of weights that arrive: the first one will do, as the page has one listener for all of them. */
function tell(requests) {
  loader.onprogress = (progress) => {
    const told = requests.find(({ stop }) => !stop.signal.aborted);
    if (told) self.postMessage({ id: told.id, progress });
  };
}

/** Loads the first of these builds that can be had here: one with threads needs a memory that it can share. */
async function load([build, ...others]) {
  try {
    const code = fetch(new URL(`./pkg/${build}_bg.wasm`, import.meta.url));
    wasm = await import(`./pkg/${build}.js`);
    await wasm.default({ module_or_path: code });
    return build;
  } catch (error) {
    if (others.length) return load(others);
    throw failure('network', `pkg/${build}.js could not be loaded (${error.message}). Reload the page.`);
  }
}

/** A request with its image decoded. */
async function prepare({ id, parameters: { source, text }, stop }) {
  stop.signal.throwIfAborted();
  const start = performance.now();
  classifier.checkText(text);
  const image = await decode(source, stop.signal);
  const size = { width: image.width, height: image.height };
  return { id, stop, text, image: classifier.shrink(image), size, start, decoded: performance.now() };
}

/** The network's thread, loader.js, as the WebAssembly calls it. */
class Loader {
  #worker;
  #calls = new Map();
  #next = 0;
  onprogress;

  constructor(script) {
    this.#worker = new Worker(script, { type: 'module', name: 'memeclip loader' });
    this.#worker.onmessage = ({ data: { id, value, error, progress } }) => {
      if (progress) return this.onprogress?.(progress);
      const { resolve, reject } = this.#calls.get(id);
      this.#calls.delete(id);
      if (error) reject(error);
      else resolve(value);
    };
    this.#worker.onerror = (event) => {
      throw new Error(event.message || 'loader.js could not be loaded');
    };
  }

  /** Calls one of its methods. */
  call(method, parameter) {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#calls.set(this.#next, { resolve, reject });
    this.#worker.postMessage({ id: this.#next++, method, parameter });
    return promise;
  }
}

/** The image's pixels, as close to the reference's as can be had. */
async function decode({ pixels, bitmap, url, blob, name }, signal) {
  if (pixels) {
    const image = new wasm.Image('the image', pixels.width, pixels.height);
    image.push(new Uint8Array(pixels.data.buffer, pixels.data.byteOffset, pixels.data.byteLength));
    return image;
  }
  if (bitmap) return read('the image', bitmap);
  if (url) [name, blob] = [url.startsWith('data:') ? 'the image' : url, await download(url, signal)];
  wasm.Image.checkBytes(name, blob.size);
  try {
    return wasm.Image.decode(name, new Uint8Array(await blob.arrayBuffer()));
  } catch (error) {
    if (error.code !== 'image/not-an-image') throw error;
    // The browser may know more formats, AVIF for one. Its pixels as they are stored, as the reference takes them.
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' }).catch(() => Promise.reject(error));
    return read(name, bitmap);
  }
}

/** A bitmap's pixels, in strips: a canvas for all of it would need as much memory again. */
function read(name, bitmap) {
  const { width, height } = bitmap;
  const image = new wasm.Image(name, width, height);
  const rows = Math.min(height, Math.ceil(2 ** 20 / width));
  const context = new OffscreenCanvas(width, rows).getContext('2d', { willReadFrequently: true });
  context.globalCompositeOperation = 'copy';
  for (let y = 0; y < height; y += rows) {
    const n = Math.min(rows, height - y);
    context.drawImage(bitmap, 0, y, width, n, 0, 0, width, n);
    image.push(new Uint8Array(context.getImageData(0, 0, width, n).data.buffer));
  }
  bitmap.close();
  return image;
}

async function download(url, signal) {
  let reason;
  try {
    const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', signal });
    if (response.ok) return await response.blob();
    reason = `the server answers ${response.status}`;
  } catch (error) {
    reason = error.message;
  }
  throw failure('image/unreadable', `${url}: the image cannot be read (${reason}). Give its file, or allow cross-origin reads.`);
}

function failure(code, message) {
  return Object.assign(new Error(message), { code });
}
