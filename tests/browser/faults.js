// The table of faults: what goes wrong and when, and what a request comes to then. faults.test.js makes each of them
// happen; `node faults.js` writes faults.md.

import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileAt, manifest, picture, root, send } from './harness.js';

/** When a fault is made to happen. */
export const moments = {
  load: 'while the pack is opened',
  weights: 'while weights arrive',
  request: 'in a later request',
  visit: 'between visits',
};

/** What can be answered for a file. */
const answers = {
  cut: (file, response) => response.destroy(),
  cutMidway: (file, response, request) => send(file, response, request, 1000),
  stalled: () => {},
  stalledMidway: (file, response) => response.writeHead(200, { 'content-length': 1e6 }).write('x'),
  trickling: (file, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  },
  slow: async (file, response) => {
    const bytes = readFileSync(file);
    response.writeHead(200, { 'content-length': bytes.length });
    for (let at = 0; at < bytes.length && !response.destroyed; at += 100_000) {
      response.write(bytes.subarray(at, at + 100_000));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    response.end();
  },
  flipped: (file, response) => {
    const bytes = readFileSync(file);
    bytes[file.endsWith('.json') ? 0 : bytes.length >> 1] ^= 1;
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes);
  },
  missing: (file, response) => response.writeHead(404).end(),
  missingLater: (file, response) => void setTimeout(() => answers.missing(file, response), 200),
  page: (file, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Please log in</h1>'),
};

/** Answers so for these of the pack's files, the first `times`. */
function serving(answer, of, times = Infinity) {
  return ({ site, weights }) => {
    const { text } = manifest(weights).components;
    const files = { manifest: ['manifest.json'], shard: [text.shards[0].file] }[of];
    site.fault = (file, response, request) => {
      if (!files.includes(basename(file)) || times-- <= 0) return false;
      answer(file, response, request);
      return true;
    };
  };
}

/** Answers so for a file of the package. */
const code = (path, answer) => ({ site }) => {
  site.scripts[path] = (response) => answer(fileAt(path), response, { headers: {} });
};

/** Does something at the beginning of a Worker's script. */
const first = (path, act, parameter) => ({ site }) => {
  const script = site.scripts[path] ?? readFileSync(fileAt(path), 'utf8');
  site.scripts[path] = `(${act})(${JSON.stringify(parameter)});\n${script}`;
};

/** Does something in a Worker that runs. */
const inside = (path, act, parameter) => ({ worker }) => worker(path).evaluate(act, parameter);

const all = (...steps) => async (bench) => {
  for (const step of steps) await step(bench);
};

/** Waits last a tenth, in the page and its Workers: patience is put to the test, and nobody else's. */
const hurried = all(first('/memeclip/worker.js', hurry), first('/memeclip/loader.js', hurry), ({ page }) => page.evaluate(hurry));

function hurry(least = 0) {
  const shorter = (milliseconds) => (self.unhurried || milliseconds < least ? milliseconds : milliseconds / 10);
  const { setTimeout } = self;
  self.setTimeout = (act, milliseconds, ...parameters) => setTimeout(act, shorter(milliseconds), ...parameters);
  const { timeout } = AbortSignal;
  AbortSignal.timeout = (milliseconds) => timeout.call(AbortSignal, shorter(milliseconds));
}

// On the GPU.

/** Keeps the device in use, the newest one, for `destroy`. */
function remember() {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...parameters) {
    return (self.device = await requestDevice.apply(this, parameters));
  };
}

/** The device in use is destroyed when `method` of `owner` is called; so many devices, one after the other. */
function destroy([owner, method, times = 1]) {
  const { prototype } = self[owner];
  const original = prototype[method];
  prototype[method] = function (...parameters) {
    const result = original.apply(this, parameters);
    const { device } = self;
    if (!device.gone && times-- > 0) {
      device.gone = true;
      device.destroy();
    }
    return result;
  };
}

/** Devices are lost as soon as they are there, so many. */
function stillborn(times) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...parameters) {
    const device = await requestDevice.apply(this, parameters);
    if (times-- > 0) device.destroy();
    return device;
  };
}

/** No adapter from now on. */
function gone() {
  GPU.prototype.requestAdapter = async () => null;
}

/** What `method` of `owner` promises never comes, so many times. */
function silent([owner, method, times = 1]) {
  const { prototype } = self[owner];
  const original = prototype[method];
  prototype[method] = function (...parameters) {
    return times-- > 0 ? new Promise(() => {}) : original.apply(this, parameters);
  };
}

function unreadable() {
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = function () {
    GPUBuffer.prototype.mapAsync = mapAsync;
    return Promise.reject(new DOMException('no', 'OperationError'));
  };
}

/** A buffer cannot be had. */
function exhausted() {
  const { createBuffer, popErrorScope } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (...parameters) {
    GPUDevice.prototype.createBuffer = createBuffer;
    const buffer = createBuffer.apply(this, parameters);
    buffer.destroy();
    GPUDevice.prototype.popErrorScope = function () {
      GPUDevice.prototype.popErrorScope = popErrorScope;
      return popErrorScope.call(this).then(() => new GPUOutOfMemoryError('no memory'));
    };
    return buffer;
  };
}

/** The software adapter passes for a GPU. */
function disguise() {
  Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });
}

/** Crashes the browser's GPU process, as a driver would, and waits until a device of the page's own is lost. */
async function crash({ browser, page }) {
  const lost = await page.evaluateHandle(async () => ({ lost: (await (await navigator.gpu.requestAdapter()).requestDevice()).lost }));
  const session = await browser.newBrowserCDPSession();
  // It does not live to answer.
  session.send('Browser.crashGpuProcess').catch(() => {});
  await lost.evaluate(({ lost }) => lost);
}

const explain = ({ page }) => page.evaluate(async () => {
  const explanation = await clf.explain(new ImageData(8, 8), { text: 'why is that' }).catch(({ code, message }) => ({ error: { code, message } }));
  return explanation.error ? explanation : { explanation };
});

const taken = /^The CPU has taken over/;
const gpu = [
  { fault: 'the device is lost at once', when: 'load', act: first('/memeclip/worker.js', stillborn, 1), outcome: 'recovers' },
  { fault: 'each device is lost at once', when: 'load', act: first('/memeclip/worker.js', stillborn, 99), outcome: 'recovers', notice: taken },
  { fault: 'the device is lost', when: 'weights', act: inside('/memeclip/worker.js', destroy, ['GPUDevice', 'createCommandEncoder']), outcome: 'recovers' },
  { fault: 'the device is lost', when: 'request', act: inside('/memeclip/worker.js', destroy, ['GPUDevice', 'createCommandEncoder']), outcome: 'recovers' },
  { fault: 'the device is lost while results are read', when: 'request', act: inside('/memeclip/worker.js', destroy, ['GPUBuffer', 'mapAsync']), outcome: 'recovers' },
  { fault: 'the device is lost while a verdict is explained', when: 'request', act: inside('/memeclip/worker.js', destroy, ['GPUDevice', 'createCommandEncoder']), ask: explain, outcome: 'recovers' },
  { fault: 'the device is lost, and the next one', when: 'request', act: inside('/memeclip/worker.js', destroy, ['GPUDevice', 'createCommandEncoder', 2]), outcome: 'recovers', notice: taken },
  { fault: 'the device is lost, and no adapter is left', when: 'request', act: all(inside('/memeclip/worker.js', gone), inside('/memeclip/worker.js', destroy, ['GPUDevice', 'createCommandEncoder'])), outcome: 'recovers', notice: taken },
  { fault: 'the GPU process crashes', when: 'weights', act: crash, fresh: true, outcome: 'recovers' },
  { fault: 'the GPU process crashes', when: 'request', act: crash, fresh: true, outcome: 'recovers' },
  { fault: 'the GPU process crashes while it computes', when: 'request', act: (bench) => void bench.others.push(crash(bench)), fresh: true, outcome: 'recovers' },
  { fault: 'no adapter is ever found', when: 'load', act: all(hurried, first('/memeclip/worker.js', silent, ['GPU', 'requestAdapter'])), outcome: 'gpu/none' },
  { fault: 'the device never arrives', when: 'load', act: all(hurried, first('/memeclip/worker.js', silent, ['GPUAdapter', 'requestDevice'])), outcome: 'gpu/none' },
  { fault: 'results never arrive, and no loss is reported', when: 'weights', act: all(inside('/memeclip/worker.js', hurry, 100_000), inside('/memeclip/worker.js', silent, ['GPUBuffer', 'mapAsync'])), outcome: 'recovers' },
  { fault: 'results cannot be read', when: 'request', act: inside('/memeclip/worker.js', unreadable), outcome: 'recovers' },
  { fault: 'out of GPU memory', when: 'weights', act: inside('/memeclip/worker.js', exhausted), outcome: 'gpu/memory' },
  { fault: 'out of GPU memory, with device auto', when: 'weights', device: 'auto', before: first('/memeclip/worker.js', disguise), act: inside('/memeclip/worker.js', exhausted), outcome: 'recovers', notice: taken },
].map((row) => ({ device: 'gpu', before: first('/memeclip/worker.js', remember), ...row }));

// Memory and Workers.

/** Takes all the memory that the WebAssembly could have: it is promised only, so it costs nothing. */
async function fill() {
  const { memory } = await (await import('/memeclip/pkg/relaxed.js')).default();
  for (let pages = 65536; pages >= 1; pages >>= 1) {
    try {
      for (;;) memory.grow(pages);
    } catch {
      // This many pages are no longer free.
    }
  }
}

const large = ({ page }) => page.evaluate(() => run(new ImageData(4000, 4000), { text: 'hello' }));

function unshared() {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = function (kind) {
    if (kind.shared) throw new RangeError('no memory');
    return new Memory(kind);
  };
}

/** The Worker ends with its next message. */
const killed = () => self.addEventListener('message', () => self.close());
const thread = readFileSync(fileAt('/memeclip/thread.js'), 'utf8');
const threads = '2 threads';

const workers = [
  { fault: 'out of WebAssembly memory', when: 'request', act: inside('/memeclip/worker.js', fill), ask: large, outcome: 'internal' },
  { fault: 'no memory to share', when: 'load', device: threads, act: first('/memeclip/worker.js', unshared), outcome: 'recovers' },
  { fault: 'the Worker is killed before its first message', when: 'load', act: all(hurried, ({ site }) => (site.scripts['/memeclip/worker.js'] = 'self.close()')), outcome: 'network' },
  { fault: 'the Worker is killed', when: 'weights', act: inside('/memeclip/worker.js', killed), outcome: 'internal' },
  { fault: 'the Worker is killed', when: 'request', act: inside('/memeclip/worker.js', killed), outcome: 'internal' },
  { fault: 'the Worker is killed while it is idle', when: 'request', act: async ({ page, worker }) => {
    await worker('/memeclip/worker.js').evaluate(() => self.close());
    await page.waitForTimeout(500);
  }, outcome: 'recovers' },
  { fault: 'the loader is killed before its first message', when: 'load', act: all(hurried, ({ site }) => (site.scripts['/memeclip/loader.js'] = 'self.close()')), outcome: 'network' },
  { fault: 'the loader is killed', when: 'weights', act: inside('/memeclip/loader.js', () => (self.fetch = () => self.close())), outcome: 'internal' },
  { fault: 'the loader fails', when: 'weights', act: inside('/memeclip/loader.js', () => (Map.prototype.set = () => { throw new Error('a bug'); })), outcome: 'internal' },
  { fault: 'the loader never answers', when: 'load', act: all(hurried, ({ site }) => (site.scripts['/memeclip/loader.js'] = '// silence')), outcome: 'network' },
  { fault: 'a thread is killed', when: 'load', device: threads, act: ({ site }) => (site.scripts['/memeclip/thread.js'] = thread.replace('wasm.runThread()', 'self.close()')), outcome: 'internal' },
  { fault: 'a thread fails', when: 'load', device: threads, act: ({ site }) => (site.scripts['/memeclip/thread.js'] = thread.replace('wasm.runThread()', "(() => { throw new Error('a bug'); })()")), outcome: 'internal' },
  { fault: 'a thread never answers', when: 'load', device: threads, act: all(hurried, ({ site }) => (site.scripts['/memeclip/thread.js'] = '// silence')), outcome: 'recovers' },
];

// The code.

const scripts = [
  { fault: 'worker.js never arrives', when: 'load', act: all(({ page }) => page.evaluate(hurry), code('/memeclip/worker.js', answers.stalled)), outcome: 'network' },
  { fault: 'a web page in place of worker.js', when: 'load', act: code('/memeclip/worker.js', answers.page), outcome: 'network' },
  { fault: 'worker.js with a flipped bit', when: 'load', act: ({ site }) => (site.scripts['/memeclip/worker.js'] = readFileSync(fileAt('/memeclip/worker.js'), 'utf8').replace('{', '[')), outcome: 'network' },
  { fault: 'loader.js never arrives', when: 'load', act: all(hurried, code('/memeclip/loader.js', answers.stalled)), outcome: 'network' },
  { fault: 'a web page in place of loader.js', when: 'load', act: code('/memeclip/loader.js', answers.page), outcome: 'network' },
  { fault: 'thread.js never arrives', when: 'load', device: threads, act: all(hurried, code('/memeclip/thread.js', answers.stalled)), outcome: 'recovers' },
  ...['/memeclip/pkg/relaxed.js', '/memeclip/pkg/relaxed_bg.wasm'].flatMap((path) => [
    { fault: `${basename(path)} is cut`, when: 'load', act: code(path, answers.cutMidway), outcome: 'network' },
    { fault: `${basename(path)} never arrives`, when: 'load', act: all(hurried, code(path, answers.stalled)), outcome: 'network' },
    { fault: `${basename(path)} stalls midway`, when: 'load', act: all(hurried, code(path, answers.stalledMidway)), outcome: 'network' },
    { fault: `${basename(path)} with a flipped bit`, when: 'load', act: code(path, (file, response) => {
      const bytes = readFileSync(file);
      bytes[1] ^= 128;
      response.writeHead(200, { 'content-type': path.endsWith('.js') ? 'text/javascript' : 'application/wasm' }).end(bytes);
    }), outcome: 'network' },
    { fault: `a web page in place of ${basename(path)}`, when: 'load', act: code(path, answers.page), outcome: 'network' },
  ]),
];

// The network and the pack.

const network = ['manifest', 'shard'].flatMap((of) => {
  const when = { manifest: 'load', shard: 'weights' }[of];
  // Before the Workers start: those take their clocks along.
  const row = (fault, answer, outcome, times) => ({ fault: `${of}: ${fault}`, when, before: hurried, act: serving(answer, of, times), outcome });
  return [
    row('the connection is cut, once', answers.cut, 'recovers', 1),
    row('the connection is cut midway, once', answers.cutMidway, 'recovers', 1),
    row('the connection is cut, each time', answers.cut, 'network'),
    row('no response, once', answers.stalled, 'recovers', 1),
    row('no response, each time', answers.stalled, 'network'),
    row('the response stalls midway, each time', answers.stalledMidway, 'network'),
    row('the response trickles', answers.trickling, 'network'),
    row('the response is slow', answers.slow, 'recovers'),
    row('it is missing', answers.missing, { manifest: 'pack/manifest', shard: 'pack/missing-shard' }[of]),
    row('a web page in its place', answers.page, { manifest: 'pack/manifest', shard: 'pack/missing-shard' }[of]),
    ...(of === 'manifest' ? [] : [row('a bit is flipped, once', answers.flipped, 'recovers', 1)]),
    row('a bit is flipped, each time', answers.flipped, { manifest: 'pack/manifest', shard: 'pack/shard-hash' }[of]),
  ];
});

/** The server has another pack now, and only that. */
const replace = ({ site, newer }) => {
  site.fault = (file, response, request) => (send(join(newer, basename(file)), response, request), true);
};

network.push(
  { fault: 'another pack replaces this one', when: 'weights', act: replace, keep: true, outcome: 'pack/missing-shard', next: 'newer' },
  { fault: 'another pack replaces this one', when: 'visit', act: replace, keep: true, outcome: 'recovers', verdict: 'newer', next: 'newer' },
  { fault: 'another tab opens a newer pack, which removes this one from the cache', when: 'weights', act: async ({ tab, site, newer }) => {
    const other = await tab();
    site.fault = (file, response, request) => (send(join(newer, basename(file)), response, request), true);
    await other.open('/weights/', { device: 'cpu' });
    await other.run(picture('exact.png'), { text: 'new' });
    site.fault = () => false;
  }, outcome: 'recovers' },
);

// The browser.

const cache = [
  { fault: 'the cache is evicted', when: 'weights', act: ({ page }) => page.evaluate(evict), outcome: 'recovers' },
  { fault: 'the cache is evicted', when: 'visit', act: ({ page }) => page.evaluate(evict), outcome: 'recovers' },
  { fault: 'a shard is evicted', when: 'visit', act: ({ page }) => page.evaluate(alter, null), outcome: 'recovers' },
  { fault: 'a cached shard is truncated', when: 'visit', act: ({ page }) => page.evaluate(alter, 'short'), outcome: 'recovers' },
  { fault: 'a cached shard has a flipped bit', when: 'visit', act: ({ page }) => page.evaluate(alter, 'flipped'), outcome: 'recovers' },
  { fault: 'the server is gone, and the manifest is cached', when: 'visit', act: serving(answers.cut, 'manifest'), outcome: 'recovers' },
  { fault: 'the server stalls, and the manifest is cached', when: 'visit', before: hurried, act: serving(answers.stalled, 'manifest'), outcome: 'recovers' },
  { fault: 'a web page in place of the manifest, which is cached', when: 'visit', act: serving(answers.page, 'manifest'), outcome: 'pack/manifest' },
  { fault: 'the quota is used up', when: 'load', act: async ({ context, page, site }) => {
    const session = await context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize: 1024 });
  }, outcome: 'recovers' },
  { fault: 'the quota is used up midway', when: 'weights', act: inside('/memeclip/loader.js', () => {
    const { put } = Cache.prototype;
    let room = 2;
    Cache.prototype.put = function (...parameters) {
      return room-- > 0 ? put.apply(this, parameters) : Promise.reject(new DOMException('full', 'QuotaExceededError'));
    };
  }), outcome: 'recovers' },
];

async function evict() {
  for (const name of await caches.keys()) await caches.delete(name);
}

async function alter(how) {
  const store = await caches.open((await caches.keys())[0]);
  const entry = (await store.keys()).find(({ url }) => !url.endsWith('manifest.json'));
  const bytes = new Uint8Array(await (await store.match(entry)).arrayBuffer());
  await store.delete(entry);
  if (how === 'short') await store.put(entry, new Response(bytes.subarray(0, -8)));
  if (how === 'flipped') await store.put(entry, new Response(bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte))));
}

/** Each look at a clock is a day off, to and fro. */
function jumping() {
  const day = 86_400_000;
  let turn = 0;
  const off = () => (turn++ % 2 ? day : -day);
  for (const clock of [Date, Performance.prototype]) {
    const { now } = clock;
    clock.now = function () {
      return now.call(this) + off();
    };
  }
}

const clocks = all(first('/memeclip/worker.js', jumping), first('/memeclip/loader.js', jumping), ({ page }) => page.evaluate(jumping));

const page = [
  { fault: 'the clocks jump by days, back and forth', when: 'load', act: clocks, outcome: 'recovers' },
  { fault: 'the clocks jump by days, back and forth', when: 'load', device: 'gpu', act: clocks, outcome: 'recovers' },
  { fault: 'two tabs load at once', when: 'load', act: async ({ tab, others }) => {
    const other = await tab();
    const opened = other.open('/weights/', { device: 'cpu' }).then(() => other.run(picture('exact.png'), { text: 'hello' }));
    others.push(opened);
  }, outcome: 'recovers' },
  { fault: 'the page is frozen and thawed', when: 'weights', act: async ({ context, page, site }) => {
    site.fault = (file, response, request) => (setTimeout(() => send(file, response, request), 300), true);
    const session = await context.newCDPSession(page);
    const state = (state) => session.send('Page.setWebLifecycleState', { state });
    setTimeout(async () => {
      await state('frozen');
      setTimeout(() => state('active'), 1000);
    }, 100);
  }, outcome: 'recovers' },
  { fault: "the page's service worker never arrives", when: 'load', act: code('/service-worker.js', answers.stalled), ask: async ({ context, site }) => {
    const other = await context.newPage();
    await other.addInitScript(hurry);
    await other.goto(`${site.origin}/index.html?device=cpu`);
    await other.locator('#status', { hasText: 'The first one fetches' }).waitFor();
    return {};
  }, outcome: 'recovers' },
  { fault: 'the visitor leaves the page and comes back', when: 'weights', act: async ({ page, leave }) => {
    await page.evaluate(() => void clf.classify(new ImageData(8, 8), { text: 'bye' }));
    await leave();
  }, outcome: 'recovers' },
  { fault: 'the classifier is disposed of', when: 'weights', act: ({ page }) => page.evaluate(() => void setTimeout(() => clf.dispose(), 20)), disposed: true, before: slowly, outcome: 'argument' },
];

function slowly({ site }) {
  site.fault = (file, response, request) => !file.endsWith('manifest.json') && (setTimeout(() => send(file, response, request), 300), true);
}

// The picture.

const from = (answer) => ({ site }) => (site.scripts['/picture.png'] = (response) => answer(join(root, 'tests/goldens/images/exact.png'), response, { headers: {} }));
const pictures = [
  { fault: "the image's server is gone", act: from(answers.cut), outcome: 'image/unreadable' },
  { fault: "the image's server never answers", before: hurried, act: from(answers.stalled), outcome: 'image/unreadable' },
  { fault: 'the image stalls midway', before: hurried, act: from(answers.stalledMidway), outcome: 'image/unreadable' },
  { fault: 'the image is cut midway', act: from((file, response) => send(file, response, { headers: {} }, 100)), outcome: 'image/unreadable' },
  { fault: 'a web page in place of the image', act: from(answers.page), outcome: 'image/not-an-image' },
  { fault: 'the file changes before it is read', act: () => {}, ask: changed, outcome: 'image/unreadable' },
].map((row) => ({ when: 'request', ask: ({ run, site }) => run(`${site.origin}/picture.png`, { text: 'hello' }), ...row }));

/** Classifies a file that has been chosen and then written to. */
async function changed({ page }) {
  const file = join(root, 'target/tmp/browser/changing.png');
  writeFileSync(file, picture('exact.png'));
  await page.setContent('<input type="file">');
  await page.setInputFiles('input', file);
  // Chromium notes the file's time after it was chosen, before a first read.
  await page.evaluate(() => document.querySelector('input').files[0].arrayBuffer().then(() => {}));
  writeFileSync(file, picture('photo.jpg'));
  return page.evaluate(() => run(document.querySelector('input').files[0], { text: 'hello' }));
}

/** Answers with what needs reading. */
const reading = [
  { fault: 'ocr.js is missing', act: code('/memeclip/pkg/ocr.js', answers.missing), outcome: 'network' },
  { fault: 'ocr.js is missing before the shard is checked', act: all(code('/memeclip/pkg/ocr.js', answers.missingLater), inside('/memeclip/loader.js', checksSlowly)), outcome: 'network' },
  { fault: 'ocr_bg.wasm is cut', act: code('/memeclip/pkg/ocr_bg.wasm', answers.cutMidway), outcome: 'network' },
  { fault: 'ocr_bg.wasm never arrives', before: hurried, act: code('/memeclip/pkg/ocr_bg.wasm', answers.stalled), outcome: 'network' },
].map((row) => ({ when: 'request', ask: ({ run }) => run(picture('exact.png')), ...row, reads: true }));

function checksSlowly() {
  const { digest } = SubtleCrypto.prototype;
  SubtleCrypto.prototype.digest = async function (...parameters) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return digest.apply(this, parameters);
  };
}

export const faults = {
  'The GPU': gpu,
  'Memory and Workers': workers,
  'The code': scripts,
  'The network and the pack': network,
  "The browser's cache": cache,
  'The page': page,
  'The image': [...pictures, ...reading],
};

export function table() {
  const cells = ({ fault, when, device = 'cpu', outcome, notice }) => [
    fault,
    moments[when],
    device,
    outcome === 'recovers' ? `recovers${notice ? ', with a notice: the CPU takes over' : ''}` : `\`${outcome}\``,
  ];
  const line = (row) => `| ${cells(row).join(' | ')} |`;
  const sections = Object.entries(faults).map(([name, rows]) =>
    [`## ${name}`, '', '| fault | when | device | outcome |', '| --- | --- | --- | --- |', ...rows.map(line), ''].join('\n'),
  );
  return `# Faults and their outcomes

\`node tests/browser/faults.js\` writes this table, and \`faults.test.js\` causes each of these faults in Chromium. A request either
*recovers*, with its usual verdict, or fails with an error of the code shown. It does so within seconds or, if the fault is that
nothing happens, within the timeout for that case. The next request then gets its verdict, and the cache contains only whole
files.

${sections.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(root, 'tests/browser/faults.md'), table());
