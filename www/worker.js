// The model's thread: decodes images and runs the WebAssembly. Requests are answered one after the other.

let wasm;
let classifier;
let queue = Promise.resolve();
/** Stops a request, waiting or running. */
const stops = new Map();

self.onmessage = ({ data: { id, method, ...parameters } }) => {
  if (method === 'abort') {
    stops.get(id)?.abort();
    return;
  }
  const stop = new AbortController();
  stops.set(id, stop);
  queue = queue.then(() => answer(id, methods[method], parameters, stop));
};

// An unexpected error, or a trap inside a promise: the page hears of errors only.
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});

async function answer(id, method, parameters, stop) {
  try {
    stop.signal.throwIfAborted();
    self.postMessage({ id, value: await method(id, parameters, stop.signal) });
  } catch (error) {
    // Our own errors have a code; any other one may have left the WebAssembly in disorder.
    if (typeof error.code !== 'string' && !stop.signal.aborted) throw error;
    self.postMessage({ id, error: { code: error.code, message: error.message } });
    // What the request was still downloading.
    stop.abort();
  } finally {
    stops.delete(id);
  }
}

const methods = {
  async open(_, { url, device, relaxed }, signal) {
    const build = relaxed ? 'relaxed' : 'simd128';
    try {
      wasm = await import(`./pkg/${build}.js`);
      await wasm.default({ module_or_path: new URL(`./pkg/${build}_bg.wasm`, import.meta.url) });
    } catch (error) {
      throw failure('network', `pkg/${build}.js could not be loaded (${error.message}). Reload the page.`);
    }
    classifier = await wasm.Classifier.open(url, device, signal);
    await recall();
    return classifier.info();
  },

  async classify(id, { source, text, tasks, features }, signal) {
    const start = performance.now();
    const image = await decode(source, signal);
    const { width, height } = image;
    const decoded = performance.now();
    const progress = (loaded, total, cached, component) =>
      self.postMessage({ id, progress: { loaded, total, cached, component } });
    const verdict = await classifier.classify(image, text, tasks, features, signal, progress);
    keep();
    verdict.timings.decode = decoded - start;
    verdict.timings.total = performance.now() - start;
    return { ...verdict, image: { width, height } };
  },
};

// What the engine finds out about a GPU, kept by the GPU's name. Where nothing can be kept, it is found out on each visit.

let kept;

async function recall() {
  if (classifier.plans() === undefined) return;
  try {
    const entry = await (await caches.open('memeclip plans')).match(address());
    kept = await entry?.text();
    if (kept) classifier.adopt(kept);
  } catch {}
}

async function keep() {
  const plans = classifier.plans();
  if (!plans || plans === kept) return;
  kept = plans;
  try {
    await (await caches.open('memeclip plans')).put(address(), new Response(plans));
  } catch {}
}

/** Entries of a cache need addresses; nobody ever asks this one. */
function address() {
  return `https://memeclip.invalid/${encodeURIComponent(classifier.info().device)}`;
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
