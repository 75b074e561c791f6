// What the browser tests share: the program, packs, a web server that misbehaves on request, and Chromium.

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, createReadStream, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program, as it was built last. */
export const program = ['debug', 'release']
  .map((profile) => join(root, 'target', profile, 'memeclip'))
  .filter((path) => existsSync(path))
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
if (!program) throw new Error('build the program first: cargo build -p memeclip-cli');

/** Runs the program to its end and returns what it prints. */
export function memeclip(...args) {
  return execFileSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Brings the package's WebAssembly up to date. */
export function buildModules() {
  execFileSync('cargo', ['run', '--quiet', '--locked', '--release', '--', 'build'], { cwd: root, stdio: 'inherit' });
}

/** The package, packed and installed into an empty project in that folder, which is made anew. */
export function install(folder) {
  buildModules();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const npm = (...args) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const [{ filename }] = JSON.parse(npm('pack', PACKAGE, '--json', '--ignore-scripts'));
  npm('install', '--offline', '--no-audit', '--no-fund', `./${filename}`);
  return join(folder, 'node_modules/memeclip');
}

/** A test picture. */
export function picture(name) {
  return readFileSync(join(root, 'tests/goldens/images', name));
}

/** Folders of the package, and of the page, which finds it at `/memeclip/`. */
export const [PACKAGE, DEMO] = [join(root, 'www/memeclip'), join(root, 'www/demo')];

const { files } = JSON.parse(readFileSync(join(PACKAGE, 'package.json')));
/** The JavaScript that comes only with the element `meme-verdict`. */
export const elementScripts = ['meme-verdict.js', 'shared.js', 'verdict-style.js', 'verdict-view.js', 'words.js'];
/** The JavaScript that a page loads with the package's main module. */
export const scripts = files.filter((file) => /(?<!\.d)\.js$/.test(file) && !elementScripts.includes(file));

/** The file at a path of the site: the page's, the package's below `/memeclip/`, or one of the pack below `/weights/`. */
export function fileAt(path, pack) {
  if (path.startsWith('/weights/')) return join(pack, path.slice(9));
  return path.startsWith('/memeclip/') ? join(PACKAGE, path.slice(10)) : join(DEMO, path);
}

/**
 * A pack of seeded weights. `heads`: tasks that get the seeded head; `files`: the files of other tasks' heads. The others get
 * a zero-shot one.
 */
export function pack(arch, dtype, heads = [], files = {}) {
  const folder = join(root, 'target/tmp/browser');
  const [model, out] = [join(folder, arch), join(folder, `${arch}-${dtype}`)];
  memeclip('synth', '--arch', arch, '--seed', '1', '--out', model);
  const seeded = heads.map((task) => [task, join(model, `head-${task}.safetensors`)]);
  const trained = [...seeded, ...Object.entries(files)].flatMap(([task, file]) => ['--head', `${task}=${file}`]);
  memeclip('convert', '--clip', model, '--dtype', dtype, '--out', out, ...trained);
  return out;
}

export function manifest(pack) {
  return JSON.parse(readFileSync(join(pack, 'manifest.json')));
}

/** A copy of a pack as earlier versions made it: without a golden meme, so no GPU is tested with it. */
export function untested(pack, out) {
  cpSync(pack, out, { recursive: true });
  const contents = manifest(out);
  delete contents.components.golden;
  writeFileSync(join(out, 'manifest.json'), JSON.stringify(contents));
  return out;
}

/** How Chromium is started: with its software WebGPU adapter unless `gpu` is false. `log`: file for `netLog`. */
export function chromiumWith({ gpu = true, log } = {}) {
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  // As localhost, but none of the addresses that count as secure; and still a page from there may read from here.
  const insecure = '--host-resolver-rules=MAP insecure.test 127.0.0.1';
  const without = `--disable-features=LocalNetworkAccessChecks${gpu ? '' : ',WebGPU'}`;
  const logging = log ? [`--log-net-log=${log}`, '--net-log-capture-mode=IncludeSensitive'] : [];
  return {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', gpu ? '--enable-unsafe-webgpu' : '--disable-gpu', without, insecure, ...quiet, ...logging],
  };
}

export function launch(options) {
  return chromium.launch(chromiumWith(options));
}

/** What the browser has done in the network, whoever asked for it, as its option `--log-net-log` has written it to the file. */
export function netLog(file) {
  const { constants, events } = JSON.parse(readFileSync(file));
  const names = Object.fromEntries(Object.entries(constants.logEventTypes).map(([name, type]) => [type, name]));
  return events.map(({ type, params }) => ({ event: names[type], ...params }));
}

/** `memeclip demo` on a free port. */
export async function demo(...args) {
  const child = spawn(program, ['demo', '--port', '0', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise((_, reject) => child.once('exit', (code) => reject(new Error(`demo ended with ${code}`))));
  const line = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const origin = new URL(await Promise.race([line, exit])).origin;
  exit.catch(() => {});
  return { origin, stop: () => child.kill() };
}

/** A server on localhost; `drop` cuts its connections. */
export async function listen(answer) {
  const server = createServer(answer);
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const drop = () => server.closeAllConnections();
  const stop = () => {
    drop();
    server.close();
  };
  return { origin: `http://localhost:${server.address().port}`, drop, stop };
}

/**
 * A plain web server for the page, whose WebAssembly is built first if need be, and a pack. `fault(file, response, request)`
 * may answer for a pack's file in its own way and then returns true. `scripts` has, by path, what is sent instead of the
 * page's own: null if that is missing; a function answers in its own way. `requests` lists what was asked for.
 * `headers` go with every answer. While it is `down`, nothing is answered.
 */
export async function serve(pack, fault = () => false) {
  buildModules();
  const site = { requests: [], fault, scripts: {}, headers: isolation, down: false };
  const server = await listen((request, response) => {
    if (site.down) return request.destroy();
    const path = request.url.split('?')[0];
    response.setHeaders(new Map(Object.entries(site.headers)));
    const { method, url, headers } = request;
    const asked = { method, url, path, range: headers.range, headers, body: '' };
    site.requests.push(asked);
    request.setEncoding('latin1').on('data', (part) => (asked.body += part));
    const file = fileAt(path, pack);
    if (path.startsWith('/weights/') && site.fault(file, response, request)) return;
    const script = site.scripts[path];
    if (script === null) return response.writeHead(404).end();
    if (typeof script === 'function') return script(response);
    if (script) return response.writeHead(200, { 'content-type': kinds['.js'] }).end(script);
    send(file, response, request);
  });
  return Object.assign(site, server);
}

const kinds = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/** A plain web server for a folder. `headers` come with every file, once `ready` has seen the request. */
export function host(folder, headers = {}, ready = () => {}) {
  return listen(async (request, response) => {
    await ready(request);
    response.setHeaders(new Map(Object.entries({ ...isolation, ...headers })));
    send(join(folder, request.url.split('?')[0]), response, request);
  });
}

/** Sends a file, or the part of it that the request asks for; of that, at most `limit` bytes, and then hangs up. */
export function send(file, response, request, limit = Infinity) {
  if (!existsSync(file)) return response.writeHead(404).end();
  const { size } = statSync(file);
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start > 0 && start >= size) return response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
  const headers = { 'content-type': kinds[extname(file)] ?? 'application/octet-stream', 'content-length': size - start };
  if (start > 0) headers['content-range'] = `bytes ${start}-${size - 1}/${size}`;
  response.writeHead(start > 0 ? 206 : 200, headers);
  const stream = createReadStream(file, { start, end: Math.min(size, start + limit) - 1 });
  stream.pipe(response, { end: limit >= size - start });
  if (limit < size - start) stream.on('end', () => setTimeout(() => response.destroy(), 100));
}

/** A page, and what it loads, that may use threads. */
const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** Waits until `condition(await look())` holds, and gives what was seen. */
export async function until(look, condition, what) {
  let seen;
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    seen = await look();
    if (condition(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: ${JSON.stringify(seen)}`);
}

/** A blank page of the site, with the module loaded as `MemeClip` and `open` and `run` to use it with. */
export async function blank(browser, origin, context, { isolated = false } = {}) {
  const page = await (context ?? browser).newPage();
  const body = '<!doctype html><link rel="icon" href="data:,"><title>blank</title>';
  await page.route(`${origin}/blank.html`, (route) =>
    route.fulfill({ contentType: 'text/html', headers: isolated ? isolation : {}, body }),
  );
  await page.goto(`${origin}/blank.html`);
  // While there are routes, the browser keeps nothing.
  await page.unroute(`${origin}/blank.html`);
  await page.evaluate(async () => {
    const { MemeClip, MemeClipError } = await import('/memeclip/memeclip.js');
    const failure = (error) => {
      if (!(error instanceof MemeClipError)) throw error;
      return { error: { code: error.code, message: error.message, remedy: error.remedy } };
    };
    const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    Object.assign(globalThis, {
      MemeClip,
      progress: [],
      /** Loads a pack; the classifier stays as `clf`. */
      async open(url, options = {}) {
        try {
          globalThis.clf?.dispose();
          globalThis.clf = await MemeClip.load(url, { ...options, onProgress: (event) => progress.push(event) });
          return { info: clf.info };
        } catch (error) {
          return failure(error);
        }
      },
      /** Classifies: `image` is base64 or anything that the module takes. */
      async run(image, options) {
        try {
          progress.length = 0;
          const source = typeof image === 'string' && !image.includes(':') ? bytes(image) : image;
          const verdict = await clf.classify(source, options);
          return { verdict, progress: [...progress] };
        } catch (error) {
          return failure(error);
        }
      },
    });
  });
  return {
    page,
    open: (url, options) => page.evaluate(([url, options]) => open(url, options), [url, options]),
    run: (image, options) => page.evaluate(([image, options]) => run(image, options), [base64(image), options]),
  };
}

/** The page's newest Worker with that script: the model's, if none is named. */
export function workerOf(page, script = '/worker.js') {
  return page.workers().findLast((worker) => worker.url().endsWith(script));
}

/** An empty page of the site. */
export async function empty(browser, origin, { isolated = false, body = '' } = {}) {
  const page = await browser.newPage();
  const html = `<!doctype html><link rel="icon" href="data:,"><title>empty</title>${body}`;
  const route = `${origin}/empty.html`;
  await page.route(route, (route) => route.fulfill({ contentType: 'text/html', headers: isolated ? isolation : {}, body: html }));
  await page.goto(route);
  await page.unroute(route);
  return page;
}

/** All numbers of a verdict with features, as the f32 that they are: what JSON has printed is that if rounded. */
export function numbers({ tasks, features }) {
  const of = ({ logits, probabilities }) => [logits, Object.values(probabilities)];
  const lists = [features.image, features.text, ...Object.values(tasks).flatMap(of)];
  return lists.map((values) => Float32Array.from(values));
}

/** How alike two features are: 1 if they point the same way. */
export function cosine(a, b) {
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function base64(image) {
  return Buffer.isBuffer(image) ? image.toString('base64') : image;
}
