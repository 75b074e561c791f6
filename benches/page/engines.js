// All engines behind one interface: `open` returns `run`, which returns the features of a meme.

/** The engines' input, prepared before the clock starts. */
export async function prepare({ picture, text, ids, size }) {
  const pixels = new Float32Array(await (await fetch('/weights/pixels.f32')).arrayBuffer());
  const file = await (await fetch(`/pictures/${picture}`)).blob();
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none' });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { pixels, image, words: text.split(' '), ids, size };
}

/** A peer in a Worker. It gets prepared pixels, and token ids instead of text. */
async function peer(worker, { provider, dtype, threads }, { pixels, ids, size }) {
  const request = (method, parameters) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data: { value, error } }) => (error ? reject(new Error(error)) : resolve(value));
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage({ method, ...parameters });
    });
  await request('open', { provider, dtype, threads });
  return {
    input: () => request('input', { pixels, ids, size }),
    run: () => request('run'),
  };
}

async function memeclip({ device, dtype, threads }, { image, words }) {
  const { MemeClip } = await import('/memeclip/memeclip.js');
  const clf = await MemeClip.load(`/weights/pack-${dtype}/`, { device, threads, tasks: ['hate'] });
  return {
    input: () => {},
    /** Further runs change the top of the image and reorder the words, so that no result comes from the cache. */
    async run(n) {
      if (n > 0) image.data.fill(n, 0, image.data.length >> 3);
      const text = reorder(words, n).join(' ');
      const verdict = await clf.classify(image, { text, features: true });
      if (verdict.notice) throw new Error(verdict.notice);
      return { ...verdict.features, device: verdict.device, waited: verdict.timings.load };
    },
  };
}

const engines = {
  memeclip,
  ort: (...parameters) => peer(new Worker('/page/ort.js', { type: 'module' }), ...parameters),
  litert: (...parameters) => peer(new Worker('/page/litert.js'), ...parameters),
};

/** The words in their `n`th permutation; the 0th is the original order. */
function reorder(words, n) {
  const left = [...words];
  return words.map(() => {
    const next = n % left.length;
    n = (n - next) / left.length;
    return left.splice(next, 1)[0];
  });
}

/** Milliseconds of a cold start, of the first verdict and of `runs` further ones, and the features of the first. */
export async function measure(contender, meme, runs) {
  const inputs = await prepare(meme);
  const start = performance.now();
  const { input, run } = await engines[contender.engine](contender, inputs);
  const opened = performance.now();
  await input();
  const { image, text, device, waited = 0 } = await run(0);
  const first = performance.now() - start;
  const warm = [];
  for (let n = 1; n <= runs; n++) {
    const before = performance.now();
    await run(n);
    warm.push(performance.now() - before);
  }
  // memeclip fetches its weights during the first request.
  return { ready: opened - start + waited, first, warm, image, text, device };
}
