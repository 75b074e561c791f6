// Pictures of a page, judged as they come into view.
/* global controller, observation, told, watch */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { instances } from './endurance.js';
import { blank, host, launch, pack, root, serve, until } from './harness.js';

const images = join(root, 'tests/goldens/images');
/** What the Worker has asked the open host for, and what it waits for before it gets an answer. */
let asked, held;
let browser, site, open, closed, context, page;
before(async () => {
  browser = await launch();
  site = await serve(pack('tiny', 'q8'));
  open = await host(images, { 'access-control-allow-origin': '*' }, async ({ url, headers }) => {
    if (headers['sec-fetch-dest'] !== 'empty') return;
    asked.push(url.slice(1));
    await held;
  });
  closed = await host(images);
});
after(async () => {
  await browser?.close();
  for (const server of [site, open, closed]) server?.stop();
});
beforeEach(async () => {
  [asked, held] = [[], undefined];
  context = await browser.newContext({ viewport: { width: 800, height: 600 } });
  const opened = await blank(browser, site.origin, context);
  page = opened.page;
  await opened.open('/weights/', { device: 'cpu' });
  await page.evaluate(() => {
    globalThis.told = [];
    globalThis.watch = (root = document, options = {}) => {
      const onVerdict = (element, { tasks }) => told.push([element.id, tasks.hate.probabilities.hate]);
      const onError = (element, { code }) => told.push([element.id, code]);
      globalThis.observation = clf.observe(root, { onVerdict, onError, threshold: 0, ...options });
    };
  });
});
afterEach(() => context?.close());

/** A picture, 200 pixels wide and high unless `attributes` say otherwise. */
function img(id, file, attributes = 'width=200 height=200', { origin } = open) {
  return `<img id="${id}" src="${origin}/${file}" ${attributes}>`;
}

function show(html, root = 'body') {
  return page.evaluate(([html, root]) => document.querySelector(root).insertAdjacentHTML('beforeend', html), [html, root]);
}

/** What has been told, once these pictures are among it. */
async function hear(...ids) {
  await page.waitForFunction((ids) => ids.every((id) => told.some(([told]) => told === id)), ids);
  return page.evaluate(() => Object.fromEntries(told));
}

const far = '<div style="height: 5000px"></div>';

test('pictures are asked for once each, when they come into view', async () => {
  await show(`${img('first', 'exact.png')}${img('again', 'exact.png')}${img('icon', 'pixel.png', 'width=64 height=64')}`);
  await show(`${far}${img('eager', 'photo.jpg')}${img('lazy', 'grey.png', 'width=200 height=200 loading=lazy')}`);
  const before = await page.content();
  await page.evaluate(() => watch());
  const told = await hear('first', 'again');
  assert.equal(told.first, told.again);
  assert.deepEqual(asked, ['exact.png']);
  await page.evaluate(() => document.getElementById('lazy').scrollIntoView());
  await hear('eager', 'lazy');
  await page.evaluate(() => document.getElementById('first').scrollIntoView());
  await show(img('last', 'grey.jpg'));
  await page.evaluate(() => document.getElementById('last').scrollIntoView());
  assert.deepEqual(Object.keys(await hear('last')).sort(), ['again', 'eager', 'first', 'last', 'lazy']);
  assert.deepEqual(asked.toSorted(), ['exact.png', 'grey.jpg', 'grey.png', 'photo.jpg']);
  assert.equal(await page.evaluate(() => globalThis.told.length), 5);
  await page.evaluate(() => document.getElementById('last').remove());
  assert.equal(await page.content(), before, 'the page is as it was');
});

test('a picture that loads again before its answer is told of once', async () => {
  await show(img('first', 'exact.png'));
  await page.evaluate(async () => {
    watch();
    const image = document.getElementById('first');
    for (let n = 0; n < 3; n++) {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      image.dispatchEvent(new Event('load'));
    }
  });
  await hear('first');
  await show(img('last', 'photo.jpg'));
  await hear('last');
  assert.deepEqual(await page.evaluate(() => told.map(([id]) => id)), ['first', 'last']);
});

test('what is shown is asked for: srcset, picture, another src, a picture that has grown', async () => {
  const { origin } = open;
  await show(`<img id="srcset" width=200 height=200 src="${origin}/exact.png" srcset="${origin}/photo.jpg 1x, ${origin}/grey.png 9x">
    <picture><source srcset="${origin}/alpha.webp" type="image/webp">${img('picture', 'exact.png')}</picture>
    ${img('changes', 'palette.png')}${img('grows', 'progressive.jpg', '')}`);
  await page.evaluate(() => watch());
  await hear('srcset', 'picture', 'changes', 'grows');
  assert.deepEqual(asked.toSorted(), ['alpha.webp', 'palette.png', 'photo.jpg', 'progressive.jpg']);
  await page.evaluate((src) => {
    told.length = 0;
    document.getElementById('changes').src = src;
  }, `${origin}/turned.jpg`);
  await hear('changes');
  assert.equal(asked.at(-1), 'turned.jpg');
});

test('pictures in open shadow roots: there before, added later, defined later', async () => {
  await show('<section></section><late-one></late-one>');
  await page.evaluate((html) => {
    document.querySelector('section').attachShadow({ mode: 'open' }).innerHTML = html;
    watch();
  }, img('before', 'exact.png'));
  await hear('before');
  await page.evaluate((html) => document.querySelector('section').shadowRoot.firstChild.insertAdjacentHTML('afterend', html), img('later', 'photo.jpg'));
  await hear('later');
  await page.evaluate((html) => {
    const attach = (element) => (element.attachShadow({ mode: 'open' }).innerHTML = html);
    customElements.define('late-one', class extends HTMLElement { connectedCallback() { attach(this); } });
  }, img('defined', 'grey.png'));
  await hear('defined');
});

test('what is removed before it is defined is not kept', async () => {
  await page.evaluate(() => {
    watch();
    document.body.append(...Array.from({ length: 500 }, () => document.createElement('never-defined')));
  });
  assert.ok((await instances(page, 'HTMLElement')) >= 500);
  await page.evaluate(() => document.body.replaceChildren());
  // The page itself and prototypes stay. The browser may be slow to let go of the others.
  await until(() => instances(page, 'HTMLElement'), (rest) => rest < 50, 'they are let go');
});

test('what leaves the viewport before its turn is dropped until it comes back', async () => {
  const files = ['exact.png', 'photo.jpg', 'grey.png', 'grey.jpg', 'palette.png', 'turned.jpg'];
  await show(files.map((file) => img(file, file, 'width=120 height=120')).join('') + far + img('bottom', 'alpha.webp'));
  await page.waitForFunction(() => Array.from(document.images).every(({ complete }) => complete));
  let release;
  held = new Promise((resolve) => (release = resolve));
  await page.evaluate(() => watch());
  const frames = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
  await frames();
  await page.evaluate(() => document.getElementById('bottom').scrollIntoView());
  await frames();
  release();
  const told = await hear('bottom');
  const begun = files.slice(0, 4);
  assert.deepEqual(Object.keys(told).sort(), [...begun, 'bottom'].sort());
  assert.deepEqual(asked, [...begun, 'alpha.webp']);
  await page.evaluate(() => scrollTo(0, 0));
  await hear(...files);
});

test('a picture that cannot be read is told of', async () => {
  await show(img('other', 'exact.png', undefined, closed));
  await page.evaluate(() => watch());
  assert.deepEqual(await hear('other'), { other: 'image/unreadable' });
  const [warning] = await Promise.all([
    page.waitForEvent('console', (message) => message.type() === 'warning'),
    page.evaluate(() => watch(document, { onError: undefined })),
  ]);
  assert.match(warning.text(), /exact\.png.*cross-origin/);
});

test('those as likely to be hateful as the threshold are told of, with the tasks asked for', async () => {
  await show(img('one', 'exact.png') + img('two', 'photo.jpg'));
  await page.evaluate(() => watch());
  const { one, two } = await hear('one', 'two');
  assert.notEqual(one, two);
  const tasks = await page.evaluate(async (threshold) => {
    told.length = 0;
    const verdicts = [];
    // Behind both, so that both have been answered when it is.
    const onVerdict = (element, { tasks }) => verdicts.push([element.id, Object.keys(tasks)]);
    clf.observe(document, { onVerdict, threshold, tasks: ['humor'] });
    watch(document, { tasks: ['stance'] });
    while (told.length < 2 || verdicts.length < 1) await new Promise((later) => setTimeout(later, 10));
    return verdicts;
  }, Math.max(one, two));
  assert.deepEqual(tasks, [[one > two ? 'one' : 'two', ['hate', 'humor']]]);
});

test('nothing is told after the end: stop, a signal, dispose', async () => {
  await show(img('one', 'exact.png'));
  const ends = {
    stop: () => observation.stop(),
    signal: () => controller.abort(),
    dispose: () => clf.dispose(),
  };
  for (const [name, end] of Object.entries(ends)) {
    let release;
    held = new Promise((resolve) => (release = resolve));
    asked.length = 0;
    const arrived = page.waitForRequest((request) => request.resourceType() === 'fetch');
    await page.evaluate(() => {
      globalThis.controller = new AbortController();
      watch(document, { signal: controller.signal });
    });
    await arrived;
    await page.evaluate(end);
    release();
    await show(img(`after-${name}`, 'photo.jpg'));
    await page.waitForFunction(() => Array.from(document.images).every(({ complete }) => complete));
    if (name !== 'dispose') await page.evaluate(() => clf.classify(document.images[0]));
    assert.deepEqual(await page.evaluate(() => told), [], name);
    assert.ok(!asked.includes('photo.jpg'), name);
    await page.evaluate(() => document.images[1].remove());
  }
});

test('an observation that makes no sense is refused', async () => {
  const problems = await page.evaluate(() => {
    const refused = (...parameters) => {
      try {
        watch(...parameters);
      } catch ({ code, message }) {
        return `${code}: ${message}`;
      }
    };
    const wrong = [['body'], ...[{ onVerdict: null }, { threshold: 50 }, { minimum: 'small' }].map((options) => [document, options])];
    const problems = wrong.map((parameters) => refused(...parameters));
    clf.dispose();
    return [...problems, refused()];
  });
  const expected = [/not a part of a page/, /onVerdict/, /a probability, not '50'/, /pixels, not 'small'/, /disposed/];
  assert.equal(problems.length, expected.length);
  for (const [i, pattern] of expected.entries()) {
    assert.match(problems[i], /^argument: /);
    assert.match(problems[i], pattern);
  }
});
