// Weights over the network: lazily, once, and through faults of a server or a connection; more of them are in faults.js.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { blank, empty, launch, manifest, memeclip, pack, picture, root, scripts, send, serve } from './harness.js';

const image = picture('exact.png');
const request = { text: 'when you see it' };
let weights, browser, site, context, page, open, run, expected;

before(async () => {
  weights = pack('tiny', 'q8');
  browser = await launch();
});
after(() => browser?.close());

// A new server is a new origin, with nothing in its cache.
beforeEach(async () => {
  site = await serve(weights);
  context = await browser.newContext();
  ({ page, open, run } = await blank(browser, site.origin, context));
});
afterEach(async () => {
  await context?.close();
  site?.stop();
});

const shards = (component) => manifest(weights).components[component].shards.map((shard) => shard.file);
/**
 * The components that verdicts on texts that are given need: neither the prompts, which only training reads, nor `ocr`, nor,
 * on the CPU, the golden meme.
 */
function needed({ components: { prompts, ocr, 'ocr-small': small, golden, ...others } }) {
  assert.ok(prompts && ocr && small && golden);
  return others;
}
const asked = () => site.requests.filter(({ path }) => path.startsWith('/weights/')).map(({ path }) => basename(path));
const once = (answer) => {
  let done = false;
  return (...parameters) => !done && (done = answer(...parameters));
};
/** Answers for the text tower's first shard. */
const onText = (answer) => (file, response, request) => basename(file) === shards('text')[0] && (answer(file, response, request), true);

/** Begins to send the text tower's first shard, and no more. */
const stall = onText((file, response) => response.writeHead(200, { 'content-length': statSync(file).size }).write('x'));

/** A request that is stopped after so many milliseconds: its error's code, and how long it took. */
function stopped(after) {
  return page.evaluate(async ([request, after]) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), after);
    const start = performance.now();
    const error = await clf.classify(new ImageData(8, 8), { ...request, signal: stop.signal }).catch((error) => error);
    return { code: error.code, ms: performance.now() - start };
  }, [request, after]);
}

/** The request works, with the verdict that it always has. */
async function works() {
  const { verdict, error } = await run(image, request);
  assert.equal(error, undefined);
  expected ??= verdict.tasks;
  assert.deepEqual(verdict.tasks, expected);
}

/** The request fails with this code; once the server behaves, the same classifier works. */
async function fails(code, fault) {
  site.fault = fault;
  await open('/weights/', { device: 'cpu' });
  const { error } = await run(image, request);
  assert.equal(error?.code, code, error?.message);
  assert.match(error.message, new RegExp(shards('text')[0]));
  site.fault = () => false;
  await works();
}

test('only what a request needs is fetched, and by plain GETs', async () => {
  await open('/weights/', { device: 'cpu' });
  assert.deepEqual(asked(), ['manifest.json']);
  await run(image, { ...request, tasks: ['hate'] });
  const towers = [...shards('vision'), ...shards('text')];
  assert.deepEqual(asked().sort(), ['manifest.json', ...towers, ...shards('head/hate')].sort());
  site.requests.length = 0;
  await run(image, { ...request, tasks: ['humor', 'hate'] });
  assert.deepEqual(asked(), shards('head/humor'));
  await works();
  site.requests.length = 0;
  await works();
  assert.deepEqual(site.requests, []);
});

test('no request carries cookies or a referrer, or goes elsewhere', async () => {
  await context.addCookies([{ name: 'who', value: 'me', url: site.origin }]);
  const all = [];
  context.on('request', (request) => all.push(`${request.method()} ${new URL(request.url()).origin}`));
  await open('/weights/', { device: 'cpu' });
  await works();
  for (const { path, headers } of site.requests.filter(({ path }) => path.startsWith('/weights/'))) {
    assert.equal(headers.cookie, undefined, path);
    assert.equal(headers.referer, undefined, path);
  }
  assert.deepEqual([...new Set(all)], [`GET ${site.origin}`]);
  const wanted = [...scripts.filter((script) => script !== 'thread.js'), 'pkg/relaxed.js', 'pkg/relaxed_bg.wasm'].map((file) => `memeclip/${file}`);
  const paths = new Set(site.requests.map(({ path }) => path.slice(1)).filter((path) => !path.startsWith('weights/')));
  assert.deepEqual([...paths].sort(), wanted.sort());
});

test('progress is told in bytes', async () => {
  const { info } = await open('/weights/', { device: 'cpu' });
  const { progress } = await run(image, request);
  const last = progress.at(-1);
  assert.equal(last.loaded, info.bytes);
  assert.equal(last.total, info.bytes);
  assert.equal(last.cached, 0);
  assert.deepEqual([...new Set(progress.map(({ component }) => component))].sort(), Object.keys(needed(manifest(weights))).sort());
  assert.ok(progress.every(({ loaded, total }) => loaded > 0 && loaded <= total));
});

test('a network that is faster than the engine fills memory with three files, not with all', async () => {
  const files = Object.entries(needed(manifest(weights))).flatMap(([component, { shards }]) => shards.map((shard) => ({ ...shard, component })));
  assert.ok(files.length > 6);
  const idle = await empty(browser, site.origin);
  // The loader's thread, without an engine that asks it for shards.
  await idle.evaluate(async ({ files, url }) => {
    const worker = new Worker('/memeclip/loader.js', { type: 'module' });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port2, [port2]);
    let loaded = 0, last = 0;
    const waiting = new Map();
    port1.onmessage = ({ data: { id, value, progress } }) => {
      if (progress) loaded = progress.loaded;
      else waiting.get(id)(value);
    };
    const call = (method, parameter) => new Promise((resolve) => {
      waiting.set(++last, resolve);
      port1.postMessage({ id: last, method, parameter });
    });
    globalThis.loaded = () => loaded;
    globalThis.ask = async (file) => (await call('shard', file)).bytes.length;
    await call('open', { url, channel: 'idle' });
    await call('prefetch', files);
  }, { files, url: `${site.origin}/weights/` });
  const bytes = (files) => files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (let taken = 0; taken <= files.length; taken++) {
    const ahead = files.slice(0, taken + 3);
    await idle.waitForFunction((bytes) => globalThis.loaded() === bytes, bytes(ahead));
    assert.deepEqual(asked().sort(), ahead.map(({ file }) => file).sort());
    if (taken < files.length) assert.equal(await idle.evaluate((file) => globalThis.ask(file), files[taken]), files[taken].bytes);
  }
});

test('the next visit finds the weights in the cache, even without a connection', async () => {
  await open('/weights/', { device: 'cpu' });
  await works();
  await cached(page, manifest(weights));
  const next = await blank(browser, site.origin, context);
  site.requests.length = 0;
  const { info } = await next.open('/weights/', { device: 'cpu' });
  const { verdict, progress } = await next.run(image, request);
  assert.deepEqual(verdict.tasks, expected);
  assert.deepEqual(asked(), ['manifest.json']);
  assert.equal(progress.at(-1).cached, info.bytes);

  site.fault = (_, response) => (response.destroy(), true);
  await open('/weights/', { device: 'cpu' });
  await works();
});

test('a new pack at the same address replaces the old one in the cache', async () => {
  await open('/weights/', { device: 'cpu' });
  await works();
  await cached(page, manifest(weights));
  const newer = pack('tiny', 'q4');
  site.fault = (file, response, request) => (send(join(newer, basename(file)), response, request), true);
  await open('/weights/', { device: 'cpu' });
  const { verdict } = await run(image, request);
  assert.notDeepEqual(verdict.tasks, expected);
  await cached(page, manifest(newer));
});

for (const [where, at] of Object.entries({ header: () => 20, data: (length) => length >> 1 })) {
  test(`a cache entry with a damaged ${where} is fetched anew`, async () => {
    await open('/weights/', { device: 'cpu' });
    await works();
    await cached(page, manifest(weights));
    const [shard] = manifest(weights).components.text.shards;
    await page.evaluate(async ([key, at]) => {
      const cache = await caches.open((await caches.keys())[0]);
      const entry = (await cache.keys()).find(({ url }) => url.endsWith(key));
      const bytes = new Uint8Array(await (await cache.match(entry)).arrayBuffer());
      bytes[at] ^= 1;
      await cache.put(entry, new Response(bytes));
    }, [shard.sha256, at(shard.bytes)]);
    site.requests.length = 0;
    await open('/weights/', { device: 'cpu' });
    await works();
    assert.deepEqual(asked(), ['manifest.json', shard.file]);
    site.requests.length = 0;
    await cached(page, manifest(weights));
    await open('/weights/', { device: 'cpu' });
    await works();
    assert.deepEqual(asked(), ['manifest.json']);
  });
}

test('damage that a stopped request did not live to see is found by the next one', async () => {
  await open('/weights/', { device: 'cpu' });
  await works();
  await cached(page, manifest(weights));
  const { vision, text } = manifest(weights).components;
  await page.evaluate(async ([damaged, missing]) => {
    const cache = await caches.open((await caches.keys())[0]);
    const find = async (key) => (await cache.keys()).find(({ url }) => url.endsWith(key));
    const entry = await find(damaged);
    const bytes = new Uint8Array(await (await cache.match(entry)).arrayBuffer());
    bytes[bytes.length >> 1] ^= 1;
    await cache.put(entry, new Response(bytes));
    await cache.delete(await find(missing));
  }, [vision.shards[0].sha256, text.shards[0].sha256]);
  site.fault = stall;
  await open('/weights/', { device: 'cpu' });
  // The vision tower has come from the cache, and the text tower is waited for.
  assert.equal((await stopped(1500)).code, 'aborted');
  site.fault = () => false;
  await works();
});

test('a broken download goes on where it stopped', async () => {
  const size = manifest(weights).components.text.shards[0].bytes;
  const cut = Math.round(size / 3);
  site.fault = onText((file, response, request) => send(file, response, request, cut));
  await open('/weights/', { device: 'cpu' });
  await works();
  const ranges = site.requests.filter(({ path }) => path.endsWith(shards('text')[0])).map(({ range }) => range);
  assert.equal(ranges[0], undefined);
  assert.ok(ranges.length >= 3, `${ranges}`);
  assert.ok(ranges.slice(1).every((range) => Number(/^bytes=(\d+)-$/.exec(range)[1]) > 0), `${ranges}`);
});

test('a server without ranges sends the whole file again', async () => {
  let first = true;
  site.fault = onText((file, response) => {
    send(file, response, { headers: {} }, first ? 1000 : undefined);
    first = false;
  });
  await open('/weights/', { device: 'cpu' });
  await works();
});

test('a server that is busy for a while is asked again', async () => {
  let times = 0;
  site.fault = (file, response) => basename(file) === shards('vision')[0] && times++ < 2 && (response.writeHead(503).end(), true);
  await open('/weights/', { device: 'cpu' });
  await works();
  assert.equal(times, 3);
});

test('a request is stopped in the middle of a download', async () => {
  site.fault = stall;
  await open('/weights/', { device: 'cpu' });
  const { code, ms } = await stopped(500);
  assert.equal(code, 'aborted');
  assert.ok(ms < 2000, `${ms} ms`);
  site.fault = () => false;
  await works();
});

test('a request that is stopped while its file is read fetches nothing', async () => {
  await open('/weights/', { device: 'cpu' });
  const codes = await page.evaluate(async (base64) => {
    const file = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
    const stop = new AbortController();
    const { postMessage } = Worker.prototype;
    // Right behind the request, so that the Worker is told before it has the file's bytes.
    Worker.prototype.postMessage = function (message) {
      postMessage.call(this, message);
      if (message.method === 'classify') queueMicrotask(() => stop.abort());
    };
    const code = await clf.classify(file, { signal: stop.signal }).catch((error) => error.code);
    Worker.prototype.postMessage = postMessage;
    // Its turn is when the other one is over.
    return [code, await clf.classify('/never.png').catch((error) => error.code)];
  }, image.toString('base64'));
  assert.deepEqual(codes, ['aborted', 'image/unreadable']);
  assert.deepEqual(asked(), ['manifest.json']);
  await works();
});

test('a request that waits for another one can be stopped', async () => {
  await open('/weights/', { device: 'cpu' });
  const codes = await page.evaluate(async () => {
    const stop = new AbortController();
    const image = new ImageData(8, 8);
    const first = clf.classify(image).then(() => 'done');
    const second = clf.classify(image, { signal: stop.signal }).catch((error) => error.code);
    const third = clf.classify(image, { signal: AbortSignal.abort() }).catch((error) => error.code);
    stop.abort();
    return Promise.all([first, second, third]);
  });
  assert.deepEqual(codes, ['done', 'aborted', 'aborted']);
  await works();
});

test('a request that is stopped while it waits costs nothing', async () => {
  await open('/weights/', { device: 'cpu' });
  const codes = await page.evaluate(async () => {
    const stop = new AbortController();
    const first = clf.classify(new ImageData(8, 8)).then(() => 'done');
    const second = clf.classify('/never.png', { signal: stop.signal }).catch((error) => error.code);
    const third = clf.classify('/pictured.png').catch((error) => error.code);
    stop.abort();
    return Promise.all([first, second, third]);
  });
  assert.deepEqual(codes, ['done', 'aborted', 'image/unreadable']);
  const pictures = site.requests.map(({ path }) => path).filter((path) => path.endsWith('.png'));
  assert.deepEqual(pictures, ['/pictured.png']);
});

/** Answers with a damaged shard, and lets the browser keep it. */
const alter = onText((file, response) => {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  response.writeHead(200, { 'cache-control': 'max-age=3600' }).end(bytes);
});

for (const host of ['localhost', 'insecure.test']) {
  test(`an altered shard is asked for once more, past every cache, at ${host}`, async () => {
    // Browsers hash and keep things on secure pages only.
    ({ page, open, run } = await blank(browser, site.origin.replace('localhost', host), context));
    assert.equal(await page.evaluate(() => isSecureContext), host === 'localhost');
    site.fault = once(alter);
    await open('/weights/', { device: 'cpu' });
    await works();
    assert.equal(asked().filter((file) => file === shards('text')[0]).length, 2);

    site.requests.length = 0;
    await page.evaluate(() => globalThis.caches?.keys().then((names) => Promise.all(names.map((name) => caches.delete(name)))));
    await fails('pack/shard-hash', alter);
    assert.equal(asked().filter((file) => file === shards('text')[0]).length, 3);
  });
}

test('a short shard', () =>
  fails('pack/shard-size', onText((file, response, request) => {
    const bytes = readFileSync(file).subarray(0, -8);
    const start = Number(/\d+/.exec(request.headers.range ?? '0')[0]);
    if (start >= bytes.length) response.writeHead(416).end();
    else response.writeHead(start > 0 ? 206 : 200).end(bytes.subarray(start));
  })));

test('an oversized shard is not read to its end', async () => {
  let sent = 0;
  await fails('pack/shard-size', onText((file, response) => {
    response.writeHead(200);
    response.write(readFileSync(file));
    const chunk = Buffer.alloc(1 << 20);
    const more = () => {
      if (response.destroyed || sent > 1 << 30) return;
      sent += chunk.length;
      if (response.write(chunk)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  }));
  assert.ok(sent < 256 << 20, `${sent} bytes sent`);
});

test('a pack on another site', async (t) => {
  const other = await serve(weights);
  t.after(() => other.stop());
  const address = `${other.origin}/weights/`;
  const { error } = await open(address, { device: 'cpu' });
  assert.equal(error?.code, 'network');
  assert.match(error.message, /cross-origin/);
  const cut = once(onText((file, response, request) => send(file, response, request, 100_000)));
  other.fault = (file, response, request) => {
    response.setHeader('access-control-allow-origin', '*');
    return cut(file, response, request);
  };
  await open(address, { device: 'cpu' });
  await works();
  assert.ok(other.requests.some(({ range }) => range));
  assert.ok(other.requests.every(({ method }) => method === 'GET'));
});

test('what is not a pack', async () => {
  const answers = {
    'pack/manifest': [
      (response) => response.writeHead(404).end(),
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>'),
      (response) => response.writeHead(200).end('{"format": "memeclip", "version": 1}'),
      (response) => response.writeHead(200).end(Buffer.alloc(8 << 20, ' ')),
    ],
    'pack/version': [(response) => response.writeHead(200).end('{"format": "memeclip", "version": 99}')],
  };
  for (const [code, list] of Object.entries(answers)) {
    for (const answer of list) {
      site.fault = (_, response) => (answer(response), true);
      const { error } = await open('/weights/', { device: 'cpu' });
      assert.equal(error?.code, code, error?.message);
    }
  }
  assert.equal((await open('http://[', {})).error.code, 'argument');
  site.fault = () => false;
  await open('/weights/manifest.json', { device: 'cpu' });
  await works();
});

test('a manifest that is pinned is taken, any other is refused, from the cache too', async () => {
  const digest = createHash('sha256').update(readFileSync(join(weights, 'manifest.json'))).digest('base64');
  const integrity = `sha256-${digest}`;
  assert.match(memeclip('inspect', weights), new RegExp(`^integrity +${integrity.replaceAll('+', '\\+')}$`, 'm'));
  assert.equal((await open('/weights/', { device: 'cpu', integrity })).error, undefined);
  await works();
  site.fault = (_, response) => response.destroy();
  assert.equal((await open('/weights/', { device: 'cpu', integrity })).error, undefined);
  const other = `sha256-${digest.startsWith('A') ? 'B' : 'A'}${digest.slice(1)}`;
  const { error } = await open('/weights/', { device: 'cpu', integrity: other });
  assert.equal(error?.code, 'pack/manifest-hash');
  assert.ok(error.message.includes(`its integrity is ${integrity},`), error.message);
  const spaced = (file, response) => basename(file) === 'manifest.json' && response.writeHead(200).end(`${readFileSync(file)} `);
  site.fault = spaced;
  assert.equal((await open('/weights/', { device: 'cpu', integrity })).error?.code, 'pack/manifest-hash');
  for (const wrong of ['', digest, 'sha256-', 'md5-abc', `${integrity}x`, null]) {
    assert.equal((await open('/weights/', { device: 'cpu', integrity: wrong })).error?.code, 'argument', wrong);
  }
});

test('a pack whose sizes do not fit together', async () => {
  const broken = join(root, 'target/tmp/browser/sizes');
  rmSync(broken, { recursive: true, force: true });
  cpSync(weights, broken, { recursive: true });
  const altered = manifest(weights);
  altered.clip.text.mlp *= 2;
  writeFileSync(join(broken, 'manifest.json'), JSON.stringify(altered));
  site.fault = (file, response, request) => (send(join(broken, basename(file)), response, request), true);
  await open('/weights/', { device: 'cpu' });
  const { error } = await run(image, request);
  assert.equal(error?.code, 'pack/tensor', error?.message);
});

/** Waits until the cache holds what the pack's verdicts need and nothing else. */
async function cached(page, pack) {
  const keys = Object.values(needed(pack)).flatMap(({ shards }) => shards.map(({ sha256 }) => sha256));
  await page.waitForFunction(async (keys) => {
    const names = await caches.keys();
    const cache = await caches.open(names[0]);
    const found = (await cache.keys()).map(({ url }) => url.split('/').at(-1));
    return names.length === 1 && [...found].sort().join() === [...keys, 'manifest.json'].sort().join();
  }, keys);
}
