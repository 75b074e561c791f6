// Chromium with the extension, a page on one port, and pictures on another one that allows no other site to read them.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumWith, memeclip, root } from './harness.js';

export const folder = join(root, 'target/tmp/browser/extension');
const SAMPLES = ['pride-heart', 'pride-cross', 'factory-crown', 'factory-bin', 'laptop-fire', 'laptop-dog'];

/** A server; `answer(request, response, path)` answers. `requests` lists what was asked for. */
async function listen(answer) {
  const site = { requests: [] };
  const server = createServer((request, response) => {
    site.requests.push({ path: request.url, headers: request.headers });
    answer(request, response, new URL(request.url, 'http://localhost').pathname);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  site.origin = `http://localhost:${server.address().port}`;
  site.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return site;
}

/**
 * The pictures: `/<sample>.jpg`, `/<number>.jpg` for any number of different ones, and `/only-pages.jpg`, which comes
 * with a referrer only.
 */
function pictures() {
  return listen((request, response, path) => {
    const name = path.slice(1, -4);
    if (name === 'only-pages' && !request.headers.referer) return response.writeHead(403).end();
    if (path === '/favicon.ico') return response.writeHead(404).end();
    const number = Number.parseInt(name, 10);
    const sample = SAMPLES.includes(name) ? name : SAMPLES[(number || 0) % SAMPLES.length];
    const jpeg = readFileSync(join(root, `www/samples/${sample}.jpg`));
    // Bytes behind the end of the picture make it another file.
    const body = Number.isNaN(number) ? jpeg : Buffer.concat([jpeg, Buffer.from(name)]);
    response.writeHead(200, { 'content-type': 'image/jpeg', 'cross-origin-resource-policy': 'cross-origin' }).end(body);
  });
}

/** Starts the browser. `open(body)` opens a page with that body, in which `PICTURES` is the origin of the pictures. */
export async function start({ extension = true, ...options } = {}) {
  if (extension) memeclip('extension', '--out', folder);
  const images = await pictures();
  const bodies = new Map();
  const site = await listen((request, response, path) => {
    const { body, headers } = bodies.get(path) ?? {};
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/html', ...headers });
    response.end(`<!doctype html><html lang="en"><title>page</title><link rel="icon" href="data:,">${body}`);
  });
  const profile = mkdtempSync(join(tmpdir(), 'memeclip-'));
  const { executablePath, args } = chromiumWith();
  const load = [`--disable-extensions-except=${folder}`, `--load-extension=${folder}`];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...args, ...(extension ? load : [])],
    ignoreDefaultArgs: ['--disable-extensions'],
    viewport: { width: 1000, height: 800 },
    ...options,
  });
  const worker = extension && (context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker')));
  const id = extension && new URL(worker.url()).host;
  const it = {
    context,
    id,
    images,
    site,
    /** Gives an address of the page's site a body. */
    put(body, headers) {
      const path = `/${createHash('sha1').update(body).digest('hex').slice(0, 8)}.html`;
      bodies.set(path, { body: body.replaceAll('PICTURES', images.origin), headers });
      return site.origin + path;
    },
    async open(body, headers) {
      const page = await context.newPage();
      await page.goto(it.put(body, headers));
      return page;
    },
    /** A page of the extension. */
    async own(name) {
      const page = await context.newPage();
      await page.goto(`chrome-extension://${id}/${name}`);
      return page;
    },
    async stop() {
      await context.close();
      images.stop();
      site.stop();
      rmSync(profile, { recursive: true, force: true });
    },
  };
  return it;
}

/** Evaluates in the world of the content scripts, of the page or, with `at`, of the frame at that address. */
export async function inside(page, f, { at } = {}) {
  const session = await page.context().newCDPSession(page.frames().find((frame) => frame.url() === at) ?? page).catch(() => page.context().newCDPSession(page));
  const worlds = [];
  session.on('Runtime.executionContextCreated', ({ context }) => worlds.push(context));
  await session.send('Runtime.enable');
  const world = worlds.find(({ name, origin, auxData }) => name === 'memeclip' && (!at || origin === new URL(at).origin || auxData.frameId));
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: `(${f})()`,
    contextId: world.id,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
