// The element `meme-verdict`: what it shows, when it asks, and what it leaves behind. The page's policy is the strictest that
// the library runs under.
/* global told */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { empty, host, launch, pack, picture, root, serve, until } from './harness.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; img-src * data:; style-src 'none'";
let browser, site, images;
before(async () => {
  browser = await launch();
  site = await serve(pack('tiny', 'q8'));
  images = await host(join(root, 'tests/goldens/images'), { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' });
  for (const name of ['exact.png', 'photo.jpg']) site.scripts[`/${name}`] = (response) => response.end(picture(name));
  site.scripts['/element.html'] = (response) =>
    response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy }).end(
      '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>element</title><main><h1>Memes</h1></main><script type="module" src="/memeclip/meme-verdict.js"></script>',
    );
});
after(async () => {
  await browser?.close();
  for (const server of [site, images]) server?.stop();
});

/** A page with these elements. */
async function shown(html) {
  const page = await browser.newPage();
  const errors = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${site.origin}/element.html`);
  await page.evaluate((html) => document.querySelector('main').insertAdjacentHTML('beforeend', html), html);
  return { page, errors };
}

const element = (attributes, content = '') => `<meme-verdict weights="/weights/" ${attributes}>${content}</meme-verdict>`;
const answered = (page, n = 1) => page.locator('meme-verdict [part=task]').nth(4 * n - 1).waitFor();

test('four verdicts apart, those of the classifier, under a strict policy and for everyone', async () => {
  const { page, errors } = await shown(element('text="hello"', '<img src="/exact.png" alt="A picture" width="200">'));
  await answered(page);
  const { mine, theirs } = await page.evaluate(async () => {
    const { MemeClip } = await import('/memeclip/memeclip.js');
    const clf = await MemeClip.load('/weights/');
    const { tasks } = await clf.classify(document.querySelector('img'), { text: 'hello' });
    clf.dispose();
    return { mine: document.querySelector('meme-verdict').verdict.tasks, theirs: tasks };
  });
  assert.deepEqual(mine, theirs);
  assert.deepEqual(Object.keys(mine), ['hate', 'target', 'stance', 'humor']);
  for (const [task, { label, probabilities }] of Object.entries(mine)) {
    const card = page.locator(`[part=task][data-task=${task}]`);
    assert.equal(await card.locator('[part=guess]').textContent(), label);
    const shares = await card.locator('meter').evaluateAll((meters) => meters.map(({ value }) => value));
    assert.deepEqual(shares, Object.values(probabilities));
  }
  assert.match(await page.locator('[role=status]').textContent(), /hate: (no )?hate, \d+ %/);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { rules: { 'color-contrast-enhanced': { enabled: true } } }));
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
  assert.deepEqual(errors, []);
  await page.close();
});

test('one that comes into view is judged, and again when it changes; no verdict stays on another image', async () => {
  const { page } = await shown(`<p></p>${element('text="hello" src="/exact.png" alt=""')}`);
  await page.evaluate(() => {
    globalThis.told = [];
    document.addEventListener('verdict', ({ detail }) => told.push(detail.tasks.hate.logits.join()));
    document.querySelector('p').append(document.createElement('canvas'));
    document.querySelector('canvas').height = 5000;
  });
  // Moved out of view before its image was there.
  await page.evaluate(() => document.querySelector('meme-verdict').setAttribute('src', '/photo.jpg'));
  await page.waitForFunction(() => document.querySelector('meme-verdict').shadowRoot.querySelector('img').complete);
  assert.equal(await page.evaluate(() => told.length), 0, 'unseen, not judged');
  await page.locator('meme-verdict').scrollIntoViewIfNeeded();
  await answered(page);
  const stale = await page.evaluate(() => {
    const element = document.querySelector('meme-verdict');
    element.setAttribute('src', '/exact.png');
    return [element.verdict, element.shadowRoot.querySelectorAll('[part=task]').length];
  });
  assert.deepEqual(stale, [null, 0]);
  await answered(page);
  await page.evaluate(() => document.querySelector('meme-verdict').setAttribute('text', 'other words'));
  await page.waitForFunction(() => told.length === 3);
  assert.equal(new Set(await page.evaluate(() => told)).size, 3);
  await page.close();
});

test('elements share one classifier, which goes with the last of them', async () => {
  const { page } = await shown(element('text="a"', '<img src="/exact.png" alt="">') + element('text="b"', '<img src="/photo.jpg" alt="">').replace('/weights/', '/weights/manifest.json'));
  await answered(page, 2);
  const models = () => page.workers().filter((worker) => worker.url().endsWith('/worker.js')).length;
  assert.equal(models(), 1);
  await page.evaluate(() => {
    const [first, second] = document.querySelectorAll('meme-verdict');
    first.remove();
    // Moved, not gone.
    document.querySelector('main').prepend(second);
  });
  await answered(page);
  await page.waitForTimeout(1500);
  assert.equal(models(), 1);
  await page.evaluate(() => document.querySelector('meme-verdict').remove());
  await until(models, (count) => count === 0, 'the Worker has ended');
  await page.close();
});

test('what goes wrong is said with its remedy, and can be tried again', async () => {
  site.fault = (_, response) => response.writeHead(404).end();
  const { page } = await shown(element('text="hello"', '<img src="/exact.png" alt="">'));
  const [retry, message] = ['retry', 'message'].map((part) => page.locator(`[part=${part}]`));
  await retry.waitFor();
  assert.match(await message.textContent(), /not a memeclip manifest \(the server answers 404\)\. Name a folder/);
  site.fault = () => false;
  await retry.focus();
  await page.keyboard.press('Enter');
  await answered(page);
  await page.evaluate(() => (document.querySelector('img').src = '/none.png'));
  await message.waitFor();
  assert.match(await message.textContent(), /none\.png: the image cannot be loaded\. Check its address/);
  await page.evaluate(() => document.querySelector('meme-verdict').removeAttribute('weights'));
  await page.evaluate(() => (document.querySelector('img').src = '/exact.png'));
  await page.locator('[part=message]', { hasText: '`weights` is missing' }).waitFor();
  await page.close();
});

test('what the pack does not know, and an image without words, are said as the page says them', async () => {
  const page = await empty(browser, site.origin);
  const said = await page.evaluate(async () => {
    const { View } = await import('/memeclip/verdict-view.js');
    const body = document.body.attachShadow({ mode: 'open' });
    const view = new View(body, () => {});
    const text = () => body.querySelector('section').innerText;
    const result = { label: 'hate', probabilities: { 'no hate': 0.1, hate: 0.9 }, logits: [0, 1], zero_shot: false, unsure: false };
    view.show({ tasks: { hate: { ...result, outside: ['image'] } }, notice: 'A notice.' });
    const outside = text();
    view.show({ tasks: {} });
    return { outside, wordless: text() };
  });
  assert.match(said.outside, /outside what this pack knows/);
  assert.match(said.outside, /memes unlike this one in image\.[^]*A notice\./);
  assert.doesNotMatch(said.outside, /90 %/);
  assert.match(said.wordless, /^No words were found/);
  await page.close();
});

test('a server that renders pages can import it', async () => {
  const { MemeVerdict } = await import('../../www/memeclip/meme-verdict.js');
  assert.equal(typeof MemeVerdict, 'function');
});
