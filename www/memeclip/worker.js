// The model's thread: decodes images and runs the WebAssembly. Requests are answered one after the other, or several
// together where the device gains by it.

import { live } from './alive.js';
import { builds as addresses } from './builds.js';
import * as code from './code.js';
import { failure } from './error.js';
import * as plans from './plans.js';
import * as reader from './reader.js';
import { startThreads } from './threads.js';

/** Milliseconds after which an image that is not here yet is given up. */
const PATIENCE = 60_000;
let wasm;
let loader;
let classifier;
/** Requests that wait, in order. */
const waiting = [];
let busy = false;
/** Stops a request, waiting or running. */
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
  const request = { id, method, parameters, stop: new AbortController() };
  stops.set(id, request.stop);
  const { source } = parameters;
  // Other requests do not wait for a slow host.
  if (source?.url && !(await fetched(request, source))) return;
  waiting.push(request);
  if (!busy) work();
};

/** Whether the image is here, which is then the request's source. */
async function fetched(request, { url }) {
  try {
    const name = url.startsWith('data:') ? 'the image' : url;
    request.parameters.source = { name, blob: await download(url, request.stop.signal) };
    return true;
  } catch (error) {
    fail(request, error);
    stops.delete(request.id);
    return false;
  }
}

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

self.onmessageerror = () => {
  throw new Error('a message cannot be read');
};

// An unexpected error, or a trap inside a promise: the page hears of errors only.
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});

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

function fail({ id, stop }, error) {
  // Our own errors have a code; any other one may have left the WebAssembly in disorder.
  if (typeof error.code !== 'string' && !stop.signal.aborted) throw error;
  self.postMessage({ id, error: { code: error.code, message: error.message, remedy: error.remedy } });
  // What the request was still downloading.
  stop.abort();
}

const methods = {
  async open([{ id, parameters: { base, pinned, device, builds, threads, channel } }], signal) {
    await live(channel);
    const [script] = await Promise.all([load(builds), loader.call('open', { url: base, channel })]);
    const pool = (module, memory) => startThreads(wasm, script, module, memory, threads, channel);
    classifier = await wasm.Classifier.open(loader, base, pinned, device, wasm.startThreads && pool, signal);
    await plans.recall(classifier);
    self.postMessage({ id, value: classifier.info() });
  },

  async classify(requests, signal) {
    const memes = [];
    report(requests);
    for (const request of requests) {
      try {
        memes.push(await prepare(request, signal));
      } catch (error) {
        fail(request, error);
      }
    }
    if (memes.length === 0) return;
    const [images, texts] = [memes.map(({ image }) => image), memes.map(({ text }) => text)];
    const { tasks, features } = requests[0].parameters;
    const verdicts = await classifier.classify(images, texts, tasks, features, signal);
    plans.keep(classifier);
    for (const [i, { id, size, start, text, reading, notice = verdicts[i].notice, took }] of memes.entries()) {
      const timings = { ...verdicts[i].timings, ...took, total: performance.now() - start };
      self.postMessage({ id, value: { ...verdicts[i], text, reading, notice, timings, image: size } });
    }
  },

  async read(requests, signal) {
    report(requests);
    for (const request of requests) {
      try {
        request.stop.signal.throwIfAborted();
        const image = await decode(request.parameters.source);
        self.postMessage({ id: request.id, value: await reader.read(image, classifier, signal) });
      } catch (error) {
        fail(request, error);
      }
    }
  },

  async explain([request], signal) {
    report([request]);
    const { id, image, text } = await prepare(request, signal);
    const value = await classifier.explain(image, text, request.parameters.tasks, signal);
    plans.keep(classifier);
    self.postMessage({ id, value });
  },
};

/** The page has one listener for all of the requests. */
function report(requests) {
  loader.onprogress = (progress) => {
    const told = requests.find(({ stop }) => !stop.signal.aborted);
    if (told) self.postMessage({ id: told.id, progress });
  };
}

/**
 * Loads the first of these builds that can be had here: one with threads needs a memory that it can share. Returns its
 * script's address.
 */
async function load([build, ...others]) {
  const { script } = addresses[build];
  try {
    wasm = await code.load(addresses[build]);
    return script.href;
  } catch (error) {
    if (others.length) return load(others);
    throw failure('network', `${script} could not be loaded (${error.message})`, 'Reload the page.');
  }
}

/** A request with its image decoded, and read if its text is not given. */
async function prepare({ id, parameters: { source, text }, stop }, signal) {
  stop.signal.throwIfAborted();
  const start = performance.now();
  if (text !== undefined) classifier.checkText(text);
  const image = await decode(source);
  const decoded = performance.now();
  const took = { decode: decoded - start, read: 0 };
  let words = { text };
  if (text === undefined) {
    words = await wordsOf(image, signal);
    took.read = performance.now() - decoded;
  }
  const size = { width: image.width, height: image.height };
  return { id, stop, ...words, image: classifier.shrink(image), size, start, took };
}

/** What the picture says, as far as the pack can tell. */
async function wordsOf(image, signal) {
  try {
    const reading = await reader.read(image, classifier, signal);
    return { text: reading.text, reading };
  } catch (error) {
    if (error.code !== 'pack/missing-component') throw error;
    return { text: '', notice: 'This pack cannot read pictures: the verdict is on the picture without its words.' };
  }
}

/** The network's thread, loader.js at the port's other end, as the WebAssembly calls it. */
class Loader {
  #port;
  #calls = new Map();
  #next = 0;
  onprogress;

  constructor(port) {
    this.#port = port;
    port.onmessage = ({ data: { id, value, error, progress } }) => {
      if (progress) return this.onprogress?.(progress);
      const { resolve, reject } = this.#calls.get(id);
      this.#calls.delete(id);
      if (error) reject(error);
      else resolve(value);
    };
  }

  /** Calls one of its methods. */
  call(method, parameter) {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#calls.set(this.#next, { resolve, reject });
    this.#port.postMessage({ id: this.#next++, method, parameter });
    return promise;
  }
}

/** The image's pixels, as close to the reference's as can be had. */
async function decode({ pixels, bitmap, blob, name }) {
  if (pixels) {
    const image = new wasm.Image('the image', pixels.width, pixels.height);
    image.push(new Uint8Array(pixels.data.buffer, pixels.data.byteOffset, pixels.data.byteLength));
    return image;
  }
  if (bitmap) return pixelsOf('the image', bitmap);
  wasm.Image.checkBytes(name, blob.size);
  try {
    return wasm.Image.decode(name, await bytesOf(name, blob));
  } catch (error) {
    if (error.code !== 'image/not-an-image') throw error;
    // The browser may know more formats, AVIF for one. Its pixels as they are stored, as the reference takes them.
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' }).catch(() => Promise.reject(error));
    return pixelsOf(name, bitmap);
  }
}

/** A file may be gone, or another one, by the time that it is read. */
async function bytesOf(name, blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw failure('image/unreadable', `${name}: the image cannot be read (${error.message})`, 'Choose it again.');
  }
}

/** A bitmap's pixels, in strips: a canvas for all of it would need as much memory again. */
function pixelsOf(name, bitmap) {
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
    const either = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', signal: either });
    if (response.ok) return await response.blob();
    reason = `the server answers ${response.status}`;
  } catch (error) {
    reason = error.message;
  }
  const remedy = 'Give its file, or allow cross-origin reads.';
  throw failure('image/unreadable', `${url}: the image cannot be read (${reason})`, remedy);
}

// The first word: see start.js.
self.postMessage({});
