// The extension in Chromium, with the default pack. The model finds no hate in most samples: a threshold of 0 for hate warns
// about all of them, a threshold of 1 about none.
/* global box, shadow, spa */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { ImageCache } from '../../www/extension/content/image-cache.js';
import { endless, inside, notices, press, start } from './extension.js';
import { host, root, until } from './harness.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let it;
before(async () => (it = await start()));
let ended;
const end = () => (ended ??= it.stop());
after(() => it && end());
beforeEach(async () => {
  for (const page of it.context.pages().slice(1)) await page.close();
  await it.set({ hate: 0 });
  it.images.requests.length = 0;
});

/** Waits for this number of covers. */
const covers = (page, count) =>
  until(() => notices(page), (all) => all.length === count && all.every(({ kind, place }) => kind === 'cover' && place.width > 0), `${count} covers`);
const none = (page) => until(() => notices(page), (all) => all.length === 0, 'no covers');
/** What the toolbar shows for the page. */
const badge = (page) => it.ask(page, (tabId) => chrome.action.getBadgeText({ tabId }));
const paths = () => it.images.requests.filter(({ headers }) => headers['sec-fetch-dest'] === 'empty').map(({ path }) => path);

test('an image from another site is covered, with the reasons, and shown when the user wants to look', async () => {
  await it.context.addCookies([{ name: 'visitor', value: 'someone', url: it.images.origin }]);
  const page = await it.open('<p>Text.<p><img src="IMAGES/pride-heart.jpg" alt="a heart">');
  const image = await page.locator('img').boundingBox();
  const [cover] = await covers(page, 1);
  assert.match(cover.name, /^Perhaps hateful: .*%\. Image: a heart$/);
  for (const text of [/Target: /, /Stance: /, /Humor: /]) assert.match(cover.text, text);
  for (const side of ['x', 'y', 'width', 'height']) assert.ok(Math.abs(cover.place[side] - image[side]) <= 1, side);
  assert.deepEqual(cover.buttons.map(({ name }) => name), ['Show', 'Always show on this site', 'This is wrong']);
  await press(page, 'Show');
  const [label] = await until(() => notices(page), ([{ kind }]) => kind === 'label', 'a label');
  assert.match(label.name, /^Perhaps hateful/);
  await press(page, label.buttons[0].name);
  await press(page, 'Hide');
  await covers(page, 1);
  // One request of the page, and one without cookies or a referrer.
  assert.deepEqual(paths(), ['/pride-heart.jpg']);
  const [{ headers: own }, { headers }] = it.images.requests;
  assert.equal(own.cookie, 'visitor=someone');
  assert.deepEqual([headers.referer, headers.cookie, headers.origin], [undefined, undefined, undefined]);
  assert.equal(it.images.requests.length, 2);
});

test('pressing Show far down a page does not scroll it', async () => {
  const page = await it.open(`
    <style>div { height: 3000px }</style>
    <div></div><img src="IMAGES/pride-heart.jpg" alt=""><div></div>`);
  await page.evaluate(() => scrollTo(0, 3100));
  await covers(page, 1);
  await press(page, 'Show');
  await until(() => notices(page), ([{ kind }]) => kind === 'label', 'a label');
  assert.equal(await page.evaluate(() => scrollY), 3100);
});

test('a notice is hidden until it is positioned, and one that replaces it takes its position', async () => {
  await it.set({ hate: 1 });
  const page = await it.open('<p>Text.<p><img src="IMAGES/pride-heart.jpg" alt="">');
  await page.waitForFunction(() => document.images[0].naturalWidth > 0);
  const source = await host(join(root, 'www/extension'), { 'access-control-allow-origin': '*' });
  const { first, second } = await page.evaluate(async (origin) => {
    const { Covers } = await import(`${origin}/content/covers.js`);
    const covers = new Covers();
    const show = () => {
      const content = document.createElement('p');
      covers.show(document.images[0], content, 'a notice');
      const box = content.parentNode;
      const { x, y, width, height } = box.getBoundingClientRect();
      return box.checkVisibility() ? [x, y, width, height].map(Math.round) : null;
    };
    const first = show();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const second = show();
    covers.end();
    return { first, second };
  }, source.origin);
  source.stop();
  const { x, y, width, height } = await page.locator('img').boundingBox();
  assert.equal(first, null);
  assert.deepEqual(second, [x, y, width, height].map(Math.round));
});

test('the text on an image decides', async () => {
  await it.set({});
  const page = await it.open('<img src="IMAGES/pride-heart-so.jpg" alt="proud"><img src="IMAGES/pride-heart-enough.jpg" alt="enough">');
  const [cover] = await covers(page, 1);
  assert.match(cover.name, /^Perhaps hateful: .*Image: enough$/);
  assert.match(cover.text, /Target: a community.*Stance: opposes/);
  await until(async () => paths(), (all) => all.length === 2, 'both are checked');
  await until(() => badge(page), (text) => text === '1', 'one warning');
});

test('an image without words is counted, and judged only on request or if the user wants it', async () => {
  await it.set({ wordless: false });
  const page = await it.open('<img src="IMAGES/pride-heart.jpg" alt="plain"><img src="IMAGES/pride-heart-enough.jpg" alt="enough">');
  const [cover] = await covers(page, 1);
  assert.match(cover.name, /Image: enough$/);
  const counts = () => it.ask(page, async (tab) => {
    const port = chrome.runtime.connect({ name: 'popup' });
    const report = await new Promise((resolve) => {
      port.onMessage.addListener(({ report }) => resolve(report));
      port.postMessage({ tab });
    });
    port.disconnect();
    return report;
  });
  const { recent } = await until(counts, ({ checked, wordless }) => checked === 1 && wordless === 1, 'both are counted');
  assert.deepEqual(recent.map(({ wordless }) => wordless).toSorted(), [false, true]);
  await page.bringToFront();
  await page.mouse.click(50, 50, { button: 'right' });
  await it.ask(page, (id) => chrome.tabs.sendMessage(id, { method: 'wrong' }));
  await it.ask(page, (id) => chrome.tabs.sendMessage(id, { method: 'check' }));
  await page.bringToFront();
  const plain = (all) => all.find(({ name }) => name.endsWith('Image: plain'));
  const all = await until(() => notices(page), (all) => all.length === 2 && plain(all), 'a verdict on request');
  assert.equal(plain(all).kind, 'label');
  await it.set({ wordless: true, hate: 0 });
  await page.bringToFront();
  await covers(page, 2);
});

test('works by keyboard alone', async () => {
  const page = await it.open('<a href="#here">a link</a><img src="IMAGES/pride-heart.jpg" alt="">');
  await covers(page, 1);
  const focused = async () => (await inside(page, () => {
    const layer = document.querySelector('memeclip-layer');
    const { activeElement } = chrome.dom.openOrClosedShadowRoot(layer);
    return activeElement?.textContent;
  }))[0];
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Show');
  await page.keyboard.press('Enter');
  await until(() => notices(page), ([{ kind }]) => kind === 'label', 'a label');
  assert.match(await focused(), /^Perhaps hateful/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Hide');
  await page.keyboard.press('Enter');
  await covers(page, 1);
  assert.equal(await focused(), 'Show');
});

test('finds images wherever they are, and ignores icons', async () => {
  const frame = it.put('<img src="IMAGES/10.jpg">').replace('localhost', '127.0.0.1');
  const page = await it.open(`
    <style>body { display: grid; grid-template-columns: repeat(5, 180px); grid-auto-rows: 180px; margin: 0 } img { width: 180px; height: 180px }
      #background, .late { background: linear-gradient(#0000, #0001), url('IMAGES/3.jpg') } iframe { border: 0; width: 180px; height: 180px }</style>
    <img src="IMAGES/icon.jpg" style="width: 60px">
    <img src="IMAGES/icon.jpg" srcset="IMAGES/1.jpg 100w" sizes="100px">
    <picture><source srcset="IMAGES/2.jpg"><img src="IMAGES/icon.jpg"></picture>
    <div id="background"></div>
    <div id="open"></div><div id="closed"></div><late-element></late-element>
    <iframe srcdoc="<body style='margin: 0'><img width=180 height=180 src='IMAGES/8.jpg'>"></iframe>
    <iframe src="${frame}"></iframe>
    <img id="blob"><img id="data"><img id="spa" src="IMAGES/20.jpg"><div id="added"></div>
    <script>
      const img = (n) => '<img style="width: 180px; height: 180px" src="IMAGES/' + n + '.jpg">';
      open.attachShadow, document.querySelector('#open').attachShadow({ mode: 'open' }).innerHTML = img(4);
      document.querySelector('#closed').attachShadow({ mode: 'closed' }).innerHTML = img(5);
      setTimeout(() => customElements.define('late-element', class extends HTMLElement {
        connectedCallback() { this.attachShadow({ mode: 'closed' }).innerHTML = img(6); }
      }), 300);
      const canvas = Object.assign(document.createElement('canvas'), { width: 180, height: 180 });
      canvas.getContext('2d').fillRect(20, 20, 50, 50);
      data.src = canvas.toDataURL();
      canvas.getContext('2d').fillRect(90, 90, 50, 50);
      canvas.toBlob((made) => {
        blob.src = URL.createObjectURL(made);
        blob.onload = () => URL.revokeObjectURL(blob.src);
      });
      setTimeout(() => added.innerHTML = img(9), 300);
    </script>`);
  await covers(page, 12);
  assert.deepEqual(paths().sort(), [1, 2, 3, 4, 5, 6, 8, 9, 10, 20].map((n) => `/${n}.jpg`).sort());
  // A single-page application shows another image in the same element.
  await page.evaluate((origin) => (spa.src = `${origin}/21.jpg`), it.images.origin);
  await until(async () => paths(), (all) => all.includes('/21.jpg'), 'the new image is requested');
  await covers(page, 12);
});

test('lazy images are checked when they come near the viewport, those scrolled past quickly are not', async () => {
  const images = Array.from({ length: 60 }, (_, i) => `<img loading="lazy" width="400" height="400" style="display: block" src="IMAGES/${i}.jpg">`);
  const page = await it.open(images.join(''));
  await until(() => notices(page), (all) => all.length >= 2, 'the first are covered');
  assert.ok(!paths().includes('/59.jpg'));
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await until(async () => paths(), (all) => all.includes('/59.jpg'), 'the last one is asked for');
  await until(() => notices(page), (all) => all.filter(({ place }) => place.y > -400 && place.y < 800).length >= 2, 'the last are covered');
  assert.ok(!paths().includes('/30.jpg'), 'what was never near the viewport is not asked for');
});

test('leaves the layout as it is, follows the image, and is clipped like it', async () => {
  const body = `<style>#box { width: 300px; height: 200px; overflow: auto; margin: 100px } img { width: 280px; display: block } body > :last-child { color: red }</style>
    <p>Text.</p><div id="box"><img src="IMAGES/pride-heart.jpg"><img src="IMAGES/pride-cross.jpg"></div><p>More.</p>`;
  const page = await it.open(body);
  const layout = () => page.evaluate(() => [document.body.innerHTML, document.documentElement.scrollHeight, document.documentElement.scrollWidth, getComputedStyle(document.querySelector('p:last-of-type')).color]);
  await page.waitForSelector('img');
  const before = await layout();
  await until(() => notices(page), (all) => all.length === 1, 'the one that is seen');
  assert.deepEqual(await layout(), before);
  await page.evaluate(() => (box.scrollTop = 280));
  const image = await page.locator('img').nth(1).boundingBox();
  await until(() => notices(page), ([cover]) => cover && Math.abs(cover.place.y - image.y) <= 1, 'it follows');
  await page.evaluate(() => (box.style.marginLeft = '300px'));
  await until(() => notices(page), ([cover]) => cover && cover.place.x > 280, 'and moves along');
});

test('covers images in a dialog, and on pages with a strict policy', async () => {
  const page = await it.open('<dialog id="dialog"><img src="IMAGES/pride-heart.jpg"></dialog><script>dialog.showModal()</script>');
  await covers(page, 1);
  await press(page, 'Show');
  await until(() => notices(page), ([{ kind }]) => kind === 'label', 'a label');
  const strict = await it.open('<img src="IMAGES/pride-cross.jpg">', { 'content-security-policy': "default-src 'none'; img-src *" });
  const [cover] = await covers(strict, 1);
  assert.deepEqual([cover.place.width, cover.place.height], [480, 480]);
});

test('a cover is above its image, and below what is above the image', async () => {
  const page = await it.open(`
    <header id="header" style="position: fixed; inset: 0 0 auto; height: 60px; z-index: 10">a header</header>
    <div style="position: relative; z-index: 5"><img src="IMAGES/pride-heart.jpg" style="position: relative; z-index: 99"></div>
    <div id="box" style="position: fixed; inset: 0; z-index: 20" hidden><img src="IMAGES/pride-cross.jpg" style="position: relative; z-index: 7"></div>
    <div id="shadow" style="position: fixed; right: 0; bottom: 0; z-index: 30"></div>
    <script>shadow.attachShadow({ mode: 'open' })</script>`);
  await covers(page, 1);
  const top = (x, y) => page.evaluate(([x, y]) => document.elementFromPoint(x, y).localName, [x, y]);
  assert.equal(await top(200, 200), 'memeclip-layer');
  assert.equal(await top(200, 30), 'header');
  await page.evaluate(() => (box.hidden = false));
  await until(() => notices(page), (all) => all.length === 2, 'the one in the box, too');
  const above = () => page.evaluate(() => document.elementsFromPoint(200, 200).findIndex(({ id }) => id === 'box'));
  await until(above, (count) => count === 2, 'a layer and its image in the box, and nothing above it');
  assert.equal(await top(200, 200), 'memeclip-layer');
  assert.equal(await top(480, 600), 'div');
  await page.evaluate((origin) => (shadow.shadowRoot.innerHTML = `<img width="200" height="200" src="${origin}/factory-bin.jpg">`), it.images.origin);
  const layer = () => page.evaluate(() => shadow.shadowRoot.elementFromPoint(innerWidth - 100, innerHeight - 100)?.localName);
  await until(layer, (name) => name === 'memeclip-layer', 'a cover within the shadow root');
});

test('the same image is fetched once for all tabs', async () => {
  const body = '<img src="IMAGES/30.jpg"><img src="IMAGES/30.jpg">';
  await covers(await it.open(body), 2);
  await covers(await it.open(`${body}<p>another page`), 2);
  assert.deepEqual(paths(), ['/30.jpg']);
});

test('sends a referrer to a server that demands one', async () => {
  await covers(await it.open('<img src="IMAGES/only-pages.jpg">'), 1);
  const asked = it.images.requests.filter(({ headers }) => headers['sec-fetch-dest'] === 'empty');
  assert.deepEqual(asked.map(({ headers }) => headers.referer), [undefined, `${it.site.origin}/`]);
});

test('shows counts on the toolbar and in the popup', async () => {
  const page = await it.open('<img src="IMAGES/pride-heart.jpg"><img src="IMAGES/refused.jpg">');
  await covers(page, 1);
  await until(() => badge(page), (text) => text === '1', 'the badge');
  const popup = await it.own('popup.html');
  await page.bringToFront();
  await popup.reload();
  await until(() => popup.innerText('#counts'), (text) => text.replace(/\s+/g, ' ') === 'checked 1 warnings 1 without words 0 failed 1 waiting 0', 'the counts');
  assert.equal(await popup.textContent('#site'), 'localhost');
  assert.match(await popup.textContent('#recent'), /refused\.jpgCould not be checked/);
  assert.match(await popup.textContent('#model'), /^memeclip demonstration, q8, on cpu/);
  await it.set({ hate: 1 });
  await none(page);
  await until(() => badge(page), (text) => text === '?', 'images that could not be checked are always reported');
});

test('does not warn about an image outside what the pack knows, and says so in the popup and on request', async () => {
  await it.set({ hate: 0, wordless: true });
  const page = await it.open('<p>A page.');
  await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 200, height: 200 });
    const pixels = new ImageData(200, 200);
    let state = 1;
    for (let i = 0; i < pixels.data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      pixels.data[i] = i % 4 === 3 ? 255 : state >>> 24;
    }
    canvas.getContext('2d').putImageData(pixels, 0, 0);
    document.body.prepend(Object.assign(new Image(), { src: canvas.toDataURL(), alt: 'noise' }));
  });
  const popup = await it.own('popup.html');
  await page.bringToFront();
  await until(() => popup.reload().then(() => popup.textContent('#recent')), (text) => /outside what this pack knows$/.test(text), 'the popup');
  await page.bringToFront();
  await none(page);
  await page.mouse.click(50, 50, { button: 'right' });
  await it.ask(page, (id) => chrome.tabs.sendMessage(id, { method: 'check' }));
  await page.bringToFront();
  const [label] = await until(() => notices(page), ([notice]) => notice?.kind === 'label', 'a label');
  assert.equal(label.name, 'Outside what this pack knows. Image: noise');
  await page.close();
});

test('marks an image that could not be checked, if the user wants it', async () => {
  const page = await it.open('<img src="IMAGES/refused.jpg"><img src="IMAGES/pride-heart.jpg">');
  await covers(page, 1);
  await it.set({ hate: 1, labelUnchecked: true });
  const [label] = await until(() => notices(page), (all) => all.length === 1, 'a label');
  assert.equal(label.kind, 'label');
  assert.match(label.text, /^Could not be checked.*could not be downloaded/);
});

test('recovers when the browser stops the service worker or closes the model’s document', async () => {
  const page = await it.open('<img src="IMAGES/pride-heart.jpg">');
  await covers(page, 1);
  const add = (name) =>
    page.evaluate((src) => document.body.append(Object.assign(new Image(), { src })), `${it.images.origin}/${name}.jpg`);
  const session = await it.context.newCDPSession(await it.own('offscreen.html'));
  const running = async () => (await session.send('Target.getTargets')).targetInfos.filter(({ type }) => type === 'service_worker').length;
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
  await until(running, (count) => count === 0, 'the service worker has ended');
  await add('pride-cross');
  await covers(page, 2);
  await until(() => badge(page), (text) => text === '2', 'the badge');
  await it.ask(page, () => chrome.offscreen.closeDocument());
  await add('factory-bin');
  await until(async () => paths(), (all) => all.includes('/factory-bin.jpg'), 'it is asked for');
  await page.evaluate(() => scrollTo(0, 900));
  await until(() => notices(page), (all) => all.length === 3, 'three covers');
});

test('can be switched off and on without a reload, everywhere and on one site', async () => {
  const page = await it.open('<img src="IMAGES/40.jpg">');
  await covers(page, 1);
  const add = (n) =>
    page.evaluate((src) => document.body.append(Object.assign(new Image(), { src, width: 200 })), `${it.images.origin}/${n}.jpg`);
  for (const [off, n] of [[{ on: false }, 41], [{ sites: ['localhost'] }, 42]]) {
    await it.set({ hate: 0, ...off });
    await none(page);
    await add(n);
    await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
    await page.waitForTimeout(1000);
    assert.ok(!paths().includes(`/${n}.jpg`), 'nothing is fetched');
    assert.deepEqual(await notices(page), []);
    await it.set({ hate: 0 });
    await covers(page, n - 39);
  }
});

test('a verdict that arrives while checking is off is not shown until it is on again', async () => {
  const page = await it.open('<img src="IMAGES/slow.jpg">');
  await until(async () => paths(), (all) => all.length === 1, 'asked for');
  await it.set({ on: false });
  await page.waitForTimeout(1500);
  assert.deepEqual(await notices(page), []);
  await it.set({ hate: 0 });
  await covers(page, 1);
  assert.equal(paths().length, 1);
});

test('“Always show on this site” does so, also in frames', async () => {
  const page = await it.open(`<img src="IMAGES/pride-heart.jpg"><iframe width=600 height=600 src="${it.put('<img src="IMAGES/pride-cross.jpg">').replace('localhost', '127.0.0.1')}"></iframe>`);
  await page.setViewportSize({ width: 1200, height: 800 });
  await covers(page, 2);
  await press(page, 'Always show on this site');
  await none(page);
  const options = await it.own('options.html');
  assert.match(await options.textContent('#sites'), /localhost/);
  await options.click('#sites button');
  await page.bringToFront();
  await covers(page, 2);
});

test('each warning style', async () => {
  const page = await it.open('<img src="IMAGES/pride-heart.jpg">');
  await covers(page, 1);
  for (const style of ['border', 'label']) {
    await it.set({ hate: 0, style });
    await until(() => notices(page), ([{ kind }]) => kind === style, style);
  }
});

test('warns about tasks other than hate, if the user wants it', async () => {
  await it.set({ hate: 1, humor: 0 });
  const [cover] = await covers(await it.open('<img src="IMAGES/pride-heart.jpg">'), 1);
  assert.match(cover.name, /^Meant to be funny: /);
  assert.match(cover.text, /Hate: no hate, /);
});

test('options take effect at once', async () => {
  const page = await it.open('<img src="IMAGES/pride-heart.jpg">');
  await covers(page, 1);
  const options = await it.own('options.html');
  await options.fill('#hate', '1');
  assert.equal(await options.textContent('output[for=hate]'), 'never');
  await page.bringToFront();
  await none(page);
  await options.click('summary');
  await options.fill('#humor', '0');
  await page.bringToFront();
  await covers(page, 1);
});

test('“This is wrong” holds on all pages, until the user deletes it', async () => {
  const page = await it.open('<img src="IMAGES/50.jpg"><img src="IMAGES/51.jpg">');
  await page.setViewportSize({ width: 1000, height: 1200 });
  await covers(page, 2);
  await press(page, 'This is wrong');
  await covers(page, 1);
  await page.reload();
  await covers(page, 1);
  const options = await it.own('options.html');
  assert.match(await options.textContent('#corrections'), /^You: not hateful\. The model: .*\/5[01]\.jpg/);
  const download = options.waitForEvent('download');
  await options.click('#export');
  const [correction] = Object.values(JSON.parse(readFileSync(await (await download).path())));
  assert.equal(correction.hate, false);
  assert.match(correction.address, /\/5[01]\.jpg$/);
  options.on('dialog', (dialog) => dialog.accept());
  await options.click('#delete');
  await page.bringToFront();
  await covers(page, 2);
});

test('the context menu checks an image of any size, and marks a verdict as wrong', async () => {
  await it.set({ hate: 1 });
  const page = await it.open('<img src="IMAGES/60.jpg" style="width: 100px">');
  // A message is lost before the content script has read the settings.
  const listens = () => it.ask(page, (id) => chrome.tabs.sendMessage(id, {}).then(() => true, () => false));
  await until(listens, (listening) => listening, 'its script');
  await page.bringToFront();
  const choose = async (method) => {
    await page.mouse.click(50, 50, { button: 'right' });
    await it.ask(page, method);
    await page.bringToFront();
  };
  await choose((id) => chrome.tabs.sendMessage(id, { method: 'check' }));
  await until(() => notices(page), ([notice]) => notice?.kind === 'label' && /^Perhaps hateful/.test(notice.name), 'its verdict');
  await choose((id) => chrome.tabs.sendMessage(id, { method: 'wrong' }));
  await covers(page, 1);
});

test('covers images until they are checked, but not for ever', async () => {
  await it.set({ hate: 1, coverFirst: 2 });
  const page = await it.open('<img src="IMAGES/hangs.jpg">');
  const [cover] = await covers(page, 1);
  assert.equal(cover.name, 'Checking …');
  await none(page);
});

test('frees the model’s memory when idle, and loads it again', async () => {
  await it.set({ hate: 0, unload: 0.01 });
  const page = await it.open('<img src="IMAGES/70.jpg">');
  await covers(page, 1);
  const popup = await it.own('popup.html');
  await until(() => popup.textContent('#model'), (text) => /^Not in memory/.test(text), 'unloaded');
  await covers(await it.open('<img src="IMAGES/71.jpg">'), 1);
});

test('deletes stored weights', async () => {
  await covers(await it.open('<img src="IMAGES/80.jpg">'), 1);
  const popup = await it.own('popup.html');
  await until(() => popup.evaluate(() => caches.keys()), (names) => names.length > 0, 'stored');
  await popup.click('#delete-weights');
  await until(() => popup.evaluate(() => caches.keys()), (names) => names.length === 0, 'deleted');
  await covers(await it.open('<img src="IMAGES/81.jpg">'), 1);
});

test('uses a pack from elsewhere, and says what is wrong with a bad one', async () => {
  const options = await it.own('options.html');
  await options.fill('#pack', `${it.site.origin}/no-pack/`);
  await options.click('#use-pack button');
  await until(() => options.textContent('#pack-state'), (text) => /^Not used\. .*manifest/.test(text), 'refused');
  assert.equal((await options.evaluate(async () => (await import('/settings.js')).readSettings())).pack, '');
  const pack = await it.servePack();
  await options.fill('#pack', pack.origin);
  await options.click('#use-pack button');
  await until(() => options.textContent('#pack-state'), (text) => /^In use: /.test(text), 'taken');
  await covers(await it.open('<img src="IMAGES/90.jpg">'), 1);
  assert.ok(pack.requests.some(({ path }) => path.endsWith('.safetensors')));
  pack.stop();
});

test('the popup says that a pack is gone, and no image counts as checked', async () => {
  await it.set({ hate: 0, pack: `${it.site.origin}/no-pack/` });
  const page = await it.open('<img src="IMAGES/95.jpg">');
  await until(() => badge(page), (text) => text === '?', 'not checked');
  const popup = await it.own('popup.html');
  await page.bringToFront();
  await popup.reload();
  await until(() => popup.textContent('#model'), (text) => /^The model cannot be loaded: .*no-pack\/manifest\.json/.test(text), 'why');
  assert.deepEqual([await popup.textContent('#checked'), await popup.textContent('#failed')], ['0', '1']);
  // With another pack it is tried again.
  await it.set({ hate: 0 });
  await covers(page, 1);
});

test('images that a page no longer shows are forgotten after a thousand others', () => {
  const images = new ImageCache();
  const element = {};
  images.getOrCreate('shown').elements.add(element);
  images.getOrCreate('asked').state = 'asked';
  const others = Array.from({ length: 1000 }, (_, i) => `${i}`);
  for (const address of ['old', 'again', ...others.splice(0, 900), 'again', ...others, 'new']) images.getOrCreate(address);
  assert.deepEqual(['shown', 'asked', 'old', 'again', 'new'].filter((name) => images.has(name)), ['shown', 'asked', 'again', 'new']);
  assert.equal(images.size, 1000);
  // A page that shows more at once, and then none.
  for (let i = 0; i < 1500; i++) images.getOrCreate(`many ${i}`).elements.add(element);
  assert.equal(images.size, 1502);
  for (const { elements } of images.values()) elements.clear();
  images.getOrCreate('last');
  assert.equal(images.size, 1000);
});

test('500 images on an endless page: those in view are covered, and nothing piles up', async () => {
  const page = await it.open(endless);
  const seen = async () => {
    const images = await page.evaluate(() => [...document.images].filter((image) => {
      const { top, bottom } = image.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    }).length);
    const covers = (await notices(page)).filter(({ place: { y, height } }) => y + height > 0 && y < 800);
    return { images, covers: covers.length };
  };
  await page.mouse.move(500, 400);
  for (let images = 0; images < 500; images = await page.evaluate(() => document.images.length)) {
    for (let i = 0; i < 8; i++) await page.mouse.wheel(0, 400);
    await until(seen, ({ images, covers }) => images > 0 && covers >= images, 'all in view are covered');
  }
  assert.ok((await notices(page)).length < 40, 'what is far away has no cover');
  assert.equal(new Set(paths()).size, paths().length, 'no image is fetched twice');
});

test('popup, options and covers have no serious accessibility violation', async () => {
  const page = await it.open('<main><h1>A page</h1><img src="IMAGES/pride-heart.jpg" alt="a heart"></main>');
  await covers(page, 1);
  const violationsOf = async (page) => {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run());
    return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => [id, nodes[0].html]);
  };
  for (const colorScheme of ['light', 'dark']) {
    for (const name of ['popup.html', 'options.html']) {
      const own = await it.own(name);
      await own.emulateMedia({ colorScheme });
      assert.deepEqual(await violationsOf(own), [], `${name}, ${colorScheme}`);
      await own.close();
    }
    // axe cannot see closed shadow roots, so it gets a copy.
    await page.emulateMedia({ colorScheme });
    const [html] = await inside(page, () => chrome.dom.openOrClosedShadowRoot(document.querySelector('memeclip-layer')).innerHTML);
    const copy = await it.open(`<main><h1>A copy</h1><div id="copy" style="position: absolute; top: 0"></div></main>`);
    await copy.emulateMedia({ colorScheme });
    await copy.evaluate((html) => (copy.attachShadow({ mode: 'open' }).innerHTML = html), html);
    assert.deepEqual(await violationsOf(copy), [], `covers, ${colorScheme}`);
  }
});

test('an unsure verdict says so', async () => {
  const page = await it.own('popup.html');
  const description = (unsure) =>
    page.evaluate(async (unsure) => {
      const { describe } = await import('/labels.js');
      return describe('hate', { label: 'hate', probabilities: { hate: 0.55 }, unsure, outside: [] });
    }, unsure);
  assert.deepEqual([await description(false), await description(true)], ['Hate: hate, 55%', 'Hate: hate, 55% (unsure)']);
});

test('the content security policy applies to the extension’s pages and Workers', async () => {
  const page = await it.own('options.html');
  const worker = page.waitForEvent('worker');
  await page.evaluate(() => void new Worker('/memeclip/loader.js', { type: 'module' }));
  const reach = async (origin) => {
    const refused = [];
    self.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => refused.push(effectiveDirective));
    await new Promise((resolve) => (new WebSocket(`${origin.replace('http', 'ws')}/socket`).onerror = resolve));
    await import(`${origin}/import`).catch(() => {});
    setTimeout('self.evaluated = true');
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { refused, evaluated: self.evaluated };
  };
  for (const context of [page, await worker]) {
    const { refused, evaluated } = await context.evaluate(reach, it.site.origin);
    assert.ok(refused.includes('connect-src'), refused.join());
    assert.equal(evaluated, undefined);
  }
  assert.deepEqual(it.site.requests.filter(({ path }) => ['/socket', '/import'].includes(path)), []);
});

test('every message is in both languages, and each is used', async () => {
  const folder = join(root, 'www/extension');
  const messages = (language) => JSON.parse(readFileSync(join(folder, '_locales', language, 'messages.json')));
  const [en, zh] = [messages('en'), messages('zh_CN')];
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  const substitutions = ({ message }) => (message.match(/\$\d/g) ?? []).sort();
  for (const key in en) assert.deepEqual(substitutions(zh[key]), substitutions(en[key]), key);
  const files = readdirSync(folder, { recursive: true }).filter((name) => /\.(js|html|json)$/.test(name) && !/^(_locales|node_modules)\b/.test(name));
  const text = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const used = [/\btranslate\('(\w+)'/g, /\bbutton\('(\w+)'/g, /getMessage\('(\w+)'/g, /data-i18n(?:-label)?="(\w+)"/g, /__MSG_(\w+)__/g, /: '((?:task|class|reason|title)[A-Z]\w+)'/g];
  const keys = new Set(used.flatMap((use) => Array.from(text.matchAll(use), ([, key]) => key)));
  for (const key of ['correctionHate', 'correctionNoHate']) if (text.includes(`'${key}'`)) keys.add(key);
  assert.deepEqual([...keys].sort(), Object.keys(en).sort());
});

test('the extension requests only the images, and the pack that the user chose', async () => {
  const requests = await end();
  const asked = new Set(requests.map(({ url }) => new URL(url)).filter(({ protocol }) => protocol !== 'chrome-extension:' && protocol !== 'data:').map(({ origin }) => origin));
  assert.ok(asked.delete(it.images.origin));
  for (const origin of it.packs) asked.delete(origin);
  assert.deepEqual([...asked], []);
});
