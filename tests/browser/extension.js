// Chromium with the extension, a page on one port, and images on another port that allows no other site to read them.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumWith, listen, memeclip, netLog, root, until } from './harness.js';

export const folder = join(root, 'target/tmp/browser/extension');
const SAMPLES = ['pride-heart', 'pride-cross', 'factory-crown', 'factory-bin', 'laptop-fire', 'laptop-dog'];
/** The same with text on them. */
const WITH_TEXT = ['pride-heart-enough', 'pride-heart-so'];

/** A server that records its `requests`. `answer(request, response, path)` answers them. */
async function recordingServer(answer) {
  const requests = [];
  const server = await listen((request, response) => {
    requests.push({ path: request.url, headers: request.headers });
    answer(request, response, new URL(request.url, 'http://localhost').pathname);
  });
  return { requests, ...server };
}

/**
 * The images: `/<sample>.jpg`, and `/<number>.jpg` for any number of different ones. `/only-pages.jpg` needs a referrer.
 * `/refused.jpg` and `/hangs.jpg` load in the page, but not in the extension; `/slow.jpg` takes a second there.
 */
function imageServer() {
  return recordingServer(async (request, response, path) => {
    const name = path.slice(1, -4);
    if (name === 'only-pages' && !request.headers.referer) return response.writeHead(403).end();
    const own = request.headers['sec-fetch-dest'] === 'image';
    if (name === 'refused' && !own) return response.writeHead(403).end();
    if (name === 'hangs' && !own) return;
    if (name === 'slow' && !own) await new Promise((resolve) => setTimeout(resolve, 1000));
    if (path === '/favicon.ico') return response.writeHead(404).end();
    const number = Number.parseInt(name, 10);
    const sample = [...SAMPLES, ...WITH_TEXT].includes(name) ? name : SAMPLES[(number || 0) % SAMPLES.length];
    const jpeg = readFileSync(join(root, `www/demo/samples/${sample}.jpg`));
    // Bytes after the end of the image make it another file.
    const body = Number.isNaN(number) ? jpeg : Buffer.concat([jpeg, Buffer.from(name)]);
    response.writeHead(200, { 'content-type': 'image/jpeg', 'cross-origin-resource-policy': 'cross-origin' }).end(body);
  });
}

/** A page of 500 images that adds the next 20 whenever its end is near. */
export const endless = `
  <style>body { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 8px } img { width: 100%; aspect-ratio: 1 }</style>
  <script>
    let next = 0;
    const grow = () => {
      while (next < 500 && document.documentElement.scrollHeight < scrollY + 2 * innerHeight) {
        for (const end = next + 20; next < end; next++) {
          document.body.append(Object.assign(new Image(), { src: 'IMAGES/' + next + '.jpg', alt: '' }));
        }
      }
    };
    addEventListener('scroll', grow);
    addEventListener('load', grow);
  </script>`;

/** Starts the browser. `open(body)` opens a page with that body, in which `IMAGES` is the origin of the images. */
export async function start({ extension = true, ...options } = {}) {
  if (extension) memeclip('extension', '--out', folder);
  const images = await imageServer();
  const bodies = new Map();
  const site = await recordingServer((request, response, path) => {
    const { body, headers } = bodies.get(path) ?? {};
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/html', ...headers });
    response.end(`<!doctype html><html lang="en"><title>page</title><link rel="icon" href="data:,">${body}`);
  });
  const profile = mkdtempSync(join(tmpdir(), 'memeclip-'));
  const log = join(profile, 'net.json');
  const { executablePath, args } = chromiumWith({ log });
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
    /** Origins that packs other than the built-in one are asked for from. */
    packs: [site.origin],
    /** Gives an address of the page's site a body. */
    put(body, headers) {
      const path = `/${createHash('sha1').update(body).digest('hex').slice(0, 8)}.html`;
      bodies.set(path, { body: body.replaceAll('IMAGES', images.origin), headers });
      return site.origin + path;
    },
    async open(body, headers) {
      const page = await context.newPage();
      await page.goto(it.put(body, headers));
      return page;
    },
    /** Changes settings; those left out get their default values, except that the samples without words are judged. */
    async set(settings) {
      const page = await it.own('popup.html');
      await page.evaluate(async (settings) => {
        const { changeSettings, DEFAULTS } = await import('/settings.js');
        await changeSettings({ ...DEFAULTS, wordless: true, ...settings });
      }, settings);
      await page.close();
    },
    /** Runs `f` in a page of the extension, with the id of the tab of `page`. */
    async ask(page, f) {
      const own = await it.own('options.html');
      const [tab] = await own.evaluate((url) => chrome.tabs.query({ url }), page.url());
      const answer = await own.evaluate(f, tab.id);
      await own.close();
      return answer;
    },
    /** Serves the default pack. */
    servePack: () =>
      recordingServer((request, response, path) => {
        response.writeHead(200, { 'access-control-allow-origin': '*' });
        response.end(readFileSync(join(root, 'weights/default', path)));
      }).then((pack) => (it.packs.push(pack.origin), pack)),
    /** A page of the extension. */
    async own(name) {
      const page = await context.newPage();
      await page.goto(`chrome-extension://${id}/${name}`);
      return page;
    },
    /** Stops everything; returns the requests of the extension. */
    async stop() {
      await context.close();
      const own = ({ event, initiator }) => event === 'URL_REQUEST_START_JOB' && initiator === `chrome-extension://${id}`;
      const requests = netLog(log).filter((entry) => own(entry) && entry.url);
      images.stop();
      site.stop();
      rmSync(profile, { recursive: true, force: true });
      return requests;
    },
  };
  return it;
}

/** Evaluates `f` in the world of the content script of each frame that has one; returns the results. */
export async function inside(page, f, argument) {
  // Frames of other sites are targets of their own.
  const targets = [page, ...page.frames().slice(1)].map((target) => page.context().newCDPSession(target).catch(() => null));
  const results = [];
  for (const session of (await Promise.all(targets)).filter(Boolean)) {
    const worlds = [];
    session.on('Runtime.executionContextCreated', ({ context }) => context.name === 'memeclip' && worlds.push(context.id));
    await session.send('Runtime.enable');
    for (const contextId of worlds) {
      const expression = `(${f})(${JSON.stringify(argument)})`;
      const options = { contextId, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, ...options });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      results.push(result.value);
    }
    await session.detach();
  }
  return results;
}

/** The notices over images: name, kind (cover, border or label), place and buttons. */
export async function notices(page) {
  const all = await inside(page, () => {
    const layers = [...document.querySelectorAll('memeclip-layer')].map((layer) => chrome.dom.openOrClosedShadowRoot(layer));
    const boxes = layers.flatMap((layer) => [...layer.querySelectorAll('.box:not([hidden])')]);
    const place = (element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) };
    };
    return boxes.map((box) => ({
      name: box.ariaLabel,
      kind: box.firstChild.classList[0],
      text: box.textContent,
      place: place(box),
      buttons: Array.from(box.querySelectorAll('button, summary'))
        .filter((button) => button.checkVisibility())
        .map((button) => ({ name: button.textContent, place: place(button) })),
    }));
  });
  return all.flat();
}

/** Clicks on a button over an image. */
export async function press(page, name) {
  const buttons = async () => (await notices(page)).flatMap(({ buttons }) => buttons).filter((button) => button.name === name);
  const [{ place: { x, y, width, height } }] = await until(buttons, (found) => found.length > 0, `a button ${name}`);
  await page.mouse.click(x + width / 2, y + height / 2);
}
