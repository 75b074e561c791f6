// The model's thread: decodes images and runs the WebAssembly. Requests are answered one after the other, or several
// together where the device gains by it.

import { refusal } from './address.js';
import { failure, messageOf } from './error.js';
import { loadWasm } from './load-wasm.js';
import { platform } from './platform.js';
import { readText } from './reader.js';
import { startThreads } from './threads.js';
import { anySignal } from './timeout.js';
import { restoreTuning, saveTuning, tuneFor } from './tuning.js';
import { Turnstile } from './turnstile.js';
import { builds as files } from './wasm-files.js';
import { holdLock } from './worker-lock.js';

/** @import { MemeClipError } from './error.js' */
/** @import { Notice, Progress, Reading } from './types.js' */
/** @import { Build } from './wasm-files.js' */

/** @typedef {{ width: number, height: number, data: ArrayBufferView }} Pixels RGBA, 8 bits each. */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ blob: Blob, name: string, shown?: Size } | { pixels: Pixels } | { bitmap: ImageBitmap }} LoadedImage */
/**
 * An image as the page sends it. `shown`: the size of what the page shows from the address.
 * @typedef {{ url: string, shown?: Size } | LoadedImage} Source
 */

/** @typedef {{ id: number, method: keyof typeof methods, parameters: any, stop: AbortController }} Request */

/** Images that are downloaded from a host at a time: of more, browsers would let some wait until their time is over. */
const DOWNLOADS = 6;
/** Milliseconds after which an image that has not arrived is given up. */
const IMAGE_TIMEOUT = 60_000;
/**
 * What the WebAssembly's JavaScript exports.
 * @type {any}
 */
let wasm;
/** @type {Loader} */
let loader;
/** @type {any} */
let classifier;
/**
 * Requests that wait, in order.
 * @type {Request[]}
 */
const waiting = [];
let busy = false;
/**
 * By host.
 * @type {Map<string, Turnstile>}
 */
const downloads = new Map();
/**
 * What stops a request, waiting or running, by its id.
 * @type {Map<number, AbortController>}
 */
const stops = new Map();

self.onmessage = async ({ data: { id, method, ...parameters } }) => {
  if (method === 'abort') {
    stops.get(id)?.abort();
    return;
  }
  if (method === 'loader') {
    loader = new Loader(parameters.port);
    return;
  }
  /** @type {Request} */
  const request = { id, method, parameters, stop: new AbortController() };
  stops.set(id, request.stop);
  const { source } = parameters;
  // Other requests do not wait for a slow host.
  if (source?.url && !(await fetched(request, source))) return;
  waiting.push(request);
  if (!busy) work();
};

/**
 * Whether the image is here, which is then the request's source.
 * @param {Request} request
 * @param {{ url: string, shown?: Size }} source
 */
async function fetched(request, { url, shown }) {
  try {
    const name = url.startsWith('data:') ? 'the image' : url;
    const gate = turnstile(url);
    await gate?.enter();
    try {
      request.parameters.source = { name, blob: await download(url, request.stop.signal), shown };
    } finally {
      gate?.leave();
    }
    return true;
  } catch (error) {
    fail(request, error);
    stops.delete(request.id);
    return false;
  }
}

/**
 * Where downloads from the address's host queue. Null for `data:` and `blob:`, which need none.
 * @param {string} url
 */
function turnstile(url) {
  const { host } = new URL(url);
  if (!host) return null;
  const gate = downloads.get(host) ?? new Turnstile(DOWNLOADS);
  downloads.set(host, gate);
  return gate;
}

async function work() {
  busy = true;
  while (waiting.length > 0) await answer(next());
  busy = false;
}

/** The next requests: more than one if one call can answer them. */
function next() {
  const kind = (/** @type {Request} */ { method, parameters: { tasks, features } }) => JSON.stringify([method, tasks, features]);
  const others = waiting.findIndex((request) => kind(request) !== kind(waiting[0]));
  const alike = others < 0 ? waiting.length : others;
  const most = waiting[0].method === 'classify' ? (classifier?.batch ?? 1) : 1;
  return waiting.splice(0, Math.min(alike, most));
}

self.onmessageerror = () => {
  throw new Error('a message cannot be read');
};

// An unexpected error, or a trap inside a promise: the page hears of errors only.
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});

/** @param {Request[]} requests */
async function answer(requests) {
  const all = new AbortController();
  // What they share is needed until the last of them is stopped.
  const check = () => requests.every(({ stop }) => stop.signal.aborted) && all.abort();
  for (const { stop } of requests) stop.signal.addEventListener('abort', check);
  all.signal.addEventListener('abort', () => loader.call('abort'));
  try {
    await methods[requests[0].method](requests, all.signal);
  } catch (error) {
    for (const request of requests) fail(request, error);
  } finally {
    for (const { id } of requests) stops.delete(id);
  }
}

/**
 * @param {Request} request
 * @param {any} error
 */
function fail({ id, stop }, error) {
  // Our own errors have a code; any other one may have left the WebAssembly in disorder.
  if (typeof error.code !== 'string' && !stop.signal.aborted) throw error;
  self.postMessage({ id, error: { code: error.code, message: error.message, remedy: error.remedy } });
  // What the request was still downloading.
  stop.abort();
}

const methods = {
  /**
   * @param {Request[]} requests
   * @param {AbortSignal} signal
   */
  async open([{ id, parameters: { base, cache: folder, integrity, device, builds, threads, channel } }], signal) {
    await holdLock(channel);
    const [script] = await Promise.all([load(builds), loader.call('open', { url: base, folder, channel })]);
    const pool = async (/** @type {WebAssembly.Module} */ module, /** @type {WebAssembly.Memory} */ memory) =>
      tuneFor(await startThreads(wasm, script, module, memory, threads, channel));
    tuneFor(wasm.startThreads ? threads : 1);
    classifier = await wasm.Classifier.open(loader, base, integrity, device, wasm.startThreads && pool, signal);
    await restoreTuning(classifier);
    self.postMessage({ id, value: classifier.info() });
  },

  /** @param {Request[]} requests */
  async probe([{ id }]) {
    const value = await classifier.probe();
    // Whoever asked may end this Worker at once.
    await saveTuning(classifier);
    self.postMessage({ id, value });
  },

  /**
   * @param {Request[]} requests
   * @param {AbortSignal} signal
   */
  async classify(requests, signal) {
    const memes = [];
    report(requests);
    for (const request of requests) {
      try {
        const meme = await prepare(request, signal);
        // Without a verdict, for which an encoder would be fetched and run.
        if (request.parameters.noWords === 'skip' && isWordless(meme)) {
          meme.image.free();
          tell(meme, classifier.skip());
        } else {
          memes.push(meme);
        }
      } catch (error) {
        fail(request, error);
      }
    }
    if (memes.length === 0) return;
    const [images, texts] = [memes.map(({ image }) => image), memes.map(({ text }) => text)];
    const { tasks, features } = requests[0].parameters;
    const verdicts = await classifier.classify(images, texts, tasks, features, signal);
    saveTuning(classifier);
    for (const [i, meme] of memes.entries()) tell(meme, verdicts[i]);
  },

  /**
   * @param {Request[]} requests
   * @param {AbortSignal} signal
   */
  async read(requests, signal) {
    report(requests);
    for (const request of requests) {
      try {
        request.stop.signal.throwIfAborted();
        const image = await decode(request.parameters.source);
        try {
          const reading = await readText(image, classifier, signal);
          const notices = [...image.notices(), ...reading.notices];
          self.postMessage({ id: request.id, value: { ...reading, notices } });
        } finally {
          // It may be large, and the garbage collector knows nothing of it.
          image.free();
        }
      } catch (error) {
        fail(request, error);
      }
    }
  },

  /**
   * @param {Request[]} requests
   * @param {AbortSignal} signal
   */
  async explain([request], signal) {
    report([request]);
    const { id, image, text } = await prepare(request, signal);
    const value = await classifier.explain(image, text, request.parameters.tasks, signal);
    saveTuning(classifier);
    self.postMessage({ id, value });
  },
};

/** @param {Meme} meme */
function isWordless({ text, notices }) {
  return classifier.isWordless(text, notices.map(({ code }) => code));
}

/**
 * @param {Meme} meme
 * @param {any} verdict
 */
function tell({ id, size, start, text, reading, notices: before, took }, verdict) {
  const timings = { ...verdict.timings, ...took, total: performance.now() - start };
  /** @type {Notice[]} */
  const notices = [...before, ...verdict.notices];
  const notice = notices.map(({ message }) => message).join(' ') || undefined;
  self.postMessage({ id, value: { ...verdict, text, reading, notices, notice, timings, image: size } });
}

/**
 * Tells of progress in the name of one of the requests: the page has one listener for all of them.
 * @param {Request[]} requests
 */
function report(requests) {
  loader.onprogress = (progress) => {
    const told = requests.find(({ stop }) => !stop.signal.aborted);
    if (told) self.postMessage({ id: told.id, progress });
  };
}

/**
 * Loads the first of these builds that can be loaded here: one with threads needs a memory that it can share. Returns its
 * script's address.
 * @param {Build[]} builds
 * @returns {Promise<string>}
 */
async function load([build, ...others]) {
  const { script } = files[build];
  try {
    wasm = await loadWasm(files[build]);
    return script.href;
  } catch (error) {
    if (others.length) return load(others);
    throw failure('network', `${script} could not be loaded (${messageOf(error)})`, 'Reload the page.');
  }
}

/** @typedef {Awaited<ReturnType<typeof prepare>>} Meme */

/**
 * A request with its image decoded, and its text read from the image if it is not given.
 * @param {Request} request
 * @param {AbortSignal} signal
 */
async function prepare({ id, parameters: { source, text }, stop }, signal) {
  stop.signal.throwIfAborted();
  const start = performance.now();
  if (text !== undefined) classifier.checkText(text);
  const image = await decode(source);
  const decoded = performance.now();
  const took = { decode: decoded - start, read: 0 };
  /** @type {{ text: string, reading?: Reading, notices: Notice[] }} */
  let found = { text, notices: [] };
  if (text === undefined) {
    try {
      found = await textIn(image, signal);
    } catch (error) {
      image.free();
      throw error;
    }
    took.read = performance.now() - decoded;
  }
  const size = { width: image.width, height: image.height };
  /** @type {Notice[]} */
  const notices = [...image.notices(), ...found.notices];
  return { id, stop, ...found, image: classifier.shrink(image), size, notices, start, took };
}

/**
 * The text in the image, as far as the pack can read it.
 * @param {any} image
 * @param {AbortSignal} signal
 * @returns {Promise<{ text: string, reading?: Reading, notices: Notice[] }>}
 */
async function textIn(image, signal) {
  try {
    const reading = await readText(image, classifier, signal);
    return { text: reading.text, reading, notices: reading.notices };
  } catch (error) {
    if (/** @type {MemeClipError} */ (error).code !== 'pack/missing-component') throw error;
    return { text: '', notices: [classifier.cannotRead()] };
  }
}

/** The network's thread, loader.js at the port's other end, as the WebAssembly calls it. */
class Loader {
  #port;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: any) => void }>} */
  #calls = new Map();
  #next = 0;
  /** @type {((progress: Progress) => void) | undefined} */
  onprogress;

  /** @param {MessagePort} port */
  constructor(port) {
    this.#port = port;
    port.onmessage = ({ data: { id, value, error, progress } }) => {
      if (progress) return this.onprogress?.(progress);
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error) call?.reject(error);
      else call?.resolve(value);
    };
  }

  /**
   * Calls one of its methods.
   * @param {string} method
   * @param {any} [parameter]
   * @returns {Promise<any>}
   */
  call(method, parameter) {
    return new Promise((resolve, reject) => {
      this.#calls.set(this.#next, { resolve, reject });
      this.#port.postMessage({ id: this.#next++, method, parameter });
    });
  }
}

/**
 * The image's pixels, as close to the reference's as can be had.
 * @param {LoadedImage} source
 */
async function decode(source) {
  if ('pixels' in source) {
    const { pixels } = source;
    const image = new wasm.Image('the image', pixels.width, pixels.height);
    image.push(new Uint8Array(pixels.data.buffer, pixels.data.byteOffset, pixels.data.byteLength));
    return image;
  }
  if ('bitmap' in source) return pixelsOf('the image', source.bitmap);
  const image = await decodeFile(source.name, source.blob);
  try {
    if (source.shown) checkShown(source.name, image, source.shown);
    return image;
  } catch (error) {
    image.free();
    throw error;
  }
}

/**
 * @param {string} name
 * @param {Blob} blob
 */
async function decodeFile(name, blob) {
  wasm.Image.checkBytes(name, blob.size);
  try {
    return wasm.Image.decode(name, await bytesOf(name, blob));
  } catch (error) {
    if (/** @type {MemeClipError} */ (error).code !== 'image/not-an-image' || !globalThis.OffscreenCanvas) throw error;
    // The browser may know more formats, AVIF for one. Its pixels as they are stored, as the reference takes them.
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' }).catch(() => Promise.reject(error));
    return pixelsOf(name, bitmap);
  }
}

/**
 * A server may answer with another image than the page shows: a placeholder for who is not logged in, for one. Sizes tell.
 * An image for screens of another density is shown larger or smaller, but in its proportions, upright or turned.
 * @param {string} name
 * @param {Size} image
 * @param {Size} shown
 */
function checkShown(name, { width, height }, shown) {
  const alike = (/** @type {number} */ w, /** @type {number} */ h) => {
    const density = w / shown.width;
    // Half a pixel of the shown size may come from rounding.
    return density >= 0.25 && density <= 8 && Math.abs(h - density * shown.height) <= Math.max(density, h / shown.width);
  };
  if (alike(width, height) || alike(height, width)) return;
  const sizes = `${width} × ${height} pixels, the page shows ${shown.width} × ${shown.height}`;
  throw failure('image/unreadable', `${name}: the address now gives another image (${sizes})`, 'Give its file.');
}

/**
 * A file may be gone, or another one, by the time that it is read.
 * @param {string} name
 * @param {Blob} blob
 */
async function bytesOf(name, blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw failure('image/unreadable', `${name}: the image cannot be read (${messageOf(error)})`, 'Choose it again.');
  }
}

/**
 * A bitmap's pixels, in strips: a canvas for all of it would need as much memory again.
 * @param {string} name
 * @param {ImageBitmap} bitmap
 */
function pixelsOf(name, bitmap) {
  const { width, height } = bitmap;
  const image = new wasm.Image(name, width, height);
  const rows = Math.min(height, Math.ceil(2 ** 20 / width));
  const context = new OffscreenCanvas(width, rows).getContext('2d', { willReadFrequently: true });
  if (!context) throw failure('image/unreadable', `${name}: the browser has no memory for its pixels`, 'Give a smaller one.');
  context.globalCompositeOperation = 'copy';
  for (let y = 0; y < height; y += rows) {
    const n = Math.min(rows, height - y);
    context.drawImage(bitmap, 0, y, width, n, 0, 0, width, n);
    image.push(new Uint8Array(context.getImageData(0, 0, width, n).data.buffer));
  }
  bitmap.close();
  return image;
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function download(url, signal) {
  let reason;
  try {
    const either = anySignal([signal, AbortSignal.timeout(IMAGE_TIMEOUT)]);
    const response = await platform.fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', signal: either });
    if (response.ok) return await response.blob();
    reason = refusal(url, response.status);
  } catch (error) {
    reason = messageOf(error);
  }
  const remedy = url.startsWith('file:') ? 'Give the path of an image.' : 'Give its file, or allow cross-origin reads.';
  throw failure('image/unreadable', `${url}: the image cannot be read (${reason})`, remedy);
}

// The first message: see start-worker.js.
self.postMessage({});
