// Requests of all kinds to one classifier, and what they leave in memory: for endurance.test.js and benches/endurance.js.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, workerOf } from './harness.js';

/** Has the model's Worker count the GPU's buffers: `self.buffers`, those that are neither destroyed nor collected. */
export function countBuffers(site) {
  const counting = `
    self.buffers = { count: 0, bytes: 0 };
    if (self.GPUDevice) {
      const { createBuffer } = GPUDevice.prototype, { destroy } = GPUBuffer.prototype, sizes = new WeakMap();
      const less = (size) => ((buffers.count -= 1), (buffers.bytes -= size));
      const collected = new FinalizationRegistry(less);
      GPUDevice.prototype.createBuffer = function (descriptor) {
        const buffer = createBuffer.call(this, descriptor);
        buffers.count += 1;
        buffers.bytes += buffer.size;
        sizes.set(buffer, buffer.size);
        collected.register(buffer, buffer.size, buffer);
        return buffer;
      };
      GPUBuffer.prototype.destroy = function () {
        if (collected.unregister(this)) less(sizes.get(this));
        destroy.call(this);
      };
    }`;
  site.scripts['/memeclip/worker.js'] = readFileSync(join(PACKAGE, 'worker.js'), 'utf8') + counting;
}

/** Gives the page `endure(first, count)`: requests, the same for the same numbers. */
export function prepare(page) {
  return page.evaluate(() => {
    /** Mulberry32. */
    const generator = (seed) => () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });

    /** A picture's file, with words on it: from icons to posters, broad and high ones. */
    function picture(random, words) {
      canvas.width = 16 * 2 ** (5 * random());
      canvas.height = 16 * 2 ** (5 * random());
      for (let i = 0; i < 12; i++) {
        context.fillStyle = `hsl(${360 * random()} 70% ${100 * random()}%)`;
        context.fillRect(canvas.width * (random() - 0.2), canvas.height * (random() - 0.2), canvas.width / 2, canvas.height / 2);
      }
      context.font = 'bold 32px sans-serif';
      context.fillText(words.slice(0, 20), 4, 36);
      const type = ['image/jpeg', 'image/png', 'image/webp'][Math.floor(3 * random())];
      return canvas.convertToBlob({ type });
    }

    /** From none to 100 words, mostly few. */
    function text(random) {
      const word = () => Math.floor(36 ** 4 * random()).toString(36);
      return Array.from({ length: 100 * random() ** 3 }, word).join(' ');
    }

    /** One request, or several at once, by chance. */
    async function ask(random) {
      const [words, kind, part] = [text(random), random(), random()];
      const image = await picture(random, words);
      const options = { text: words };
      if (kind < 0.04) return clf.classify(image);
      if (kind < 0.08) return clf.explain(image, options);
      if (kind < 0.1) return clf.classify(image.slice(0, part * image.size), options);
      if (kind < 0.11) return clf.classify(`/no-picture-${part}.png`, options);
      if (kind < 0.12) return clf.classify(image, { ...options, tasks: ['nothing'] });
      if (kind < 0.13) return clf.classify(image, { text: 'word '.repeat(1e5) });
      if (kind < 0.17) {
        const stop = new AbortController();
        setTimeout(() => stop.abort(), 30 * part);
        return clf.classify(image, { ...options, signal: stop.signal });
      }
      if (kind < 0.2) return Promise.all(Array.from({ length: 4 }, () => clf.classify(image, { text: text(random) })));
      const start = performance.now();
      await clf.classify(image, options);
      times.push(performance.now() - start);
    }

    /** Milliseconds of the plain verdicts. */
    let times;
    globalThis.endure = async (first, count) => {
      times = [];
      const outcomes = {};
      for (let i = first; i < first + count; i++) {
        const outcome = await ask(generator(i)).then(() => 'answered', ({ code }) => code ?? 'unexpected');
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
      return { times, outcomes };
    };
  });
}

/**
 * What is in use once garbage is collected, in bytes: `heap`, JavaScript's, of the page and all of its Workers; `wasm`, the
 * model's WebAssembly; `reader`, what reads; and the GPU's `buffers`.
 */
export async function inUse(browser, page, build) {
  const heaps = await collected(browser);
  const worker = workerOf(page);
  const memories = await worker?.evaluate(async (builds) => {
    const size = async (build) => {
      const { default: init } = await import(`/memeclip/pkg/${build}.js`);
      // What is loaded stays as it is; what is not cannot be without an address.
      return init().then(({ memory }) => memory.buffer.byteLength, () => 0);
    };
    return { wasm: await size(builds[0]), reader: await size(builds[1]), buffers: self.buffers };
  }, [build, 'ocr']);
  return { ...memories, workers: heaps.length - 1, heap: heaps.reduce((sum, bytes) => sum + bytes, 0) };
}

/** JavaScript's memory of the page alone. */
export async function pageHeap(browser) {
  return (await collected(browser, ['page'])).reduce((sum, bytes) => sum + bytes, 0);
}

/** JavaScript's memory of each page and Worker, after a collection. */
async function collected(browser, types = ['page', 'worker']) {
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets', { filter: types.map((type) => ({ type })) });
  const heaps = [];
  for (const { targetId, url } of targetInfos) {
    // Of the engine's further threads there is no answer: they wait for work.
    if (url.endsWith('/thread.js')) {
      heaps.push(0);
      continue;
    }
    // Not flat: Playwright has no way to a session that it has not made.
    const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
    const call = (id, method) => {
      const answer = new Promise((resolve) => {
        session.on('Target.receivedMessageFromTarget', function hear({ sessionId: from, message }) {
          const { id: answered, result } = JSON.parse(message);
          if (from !== sessionId || answered !== id) return;
          session.off('Target.receivedMessageFromTarget', hear);
          resolve(result);
        });
      });
      return session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) }).then(() => answer);
    };
    await call(1, 'HeapProfiler.collectGarbage');
    const { usedSize, embedderHeapUsedSize } = await call(2, 'Runtime.getHeapUsage');
    heaps.push(usedSize + embedderHeapUsedSize);
    await session.send('Target.detachFromTarget', { sessionId });
  }
  await session.detach();
  return heaps;
}

/** How many Workers are left: what has been terminated ends by and by, within ten seconds if ever. */
export async function left(browser) {
  const session = await browser.newBrowserCDPSession();
  for (let waits = 0; ; waits++) {
    const { targetInfos } = await session.send('Target.getTargets', { filter: [{ type: 'worker' }] });
    if (targetInfos.length === 0 || waits === 100) return session.detach().then(() => targetInfos.length);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** How many objects of that kind the page has, once garbage is collected. */
export async function instances(page, kind) {
  const session = await page.context().newCDPSession(page);
  const { result: prototype } = await session.send('Runtime.evaluate', { expression: `${kind}.prototype` });
  const { objects } = await session.send('Runtime.queryObjects', { prototypeObjectId: prototype.objectId });
  const { result } = await session.send('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: 'function () { return this.length; }',
    returnByValue: true,
  });
  await session.detach();
  return result.value;
}
