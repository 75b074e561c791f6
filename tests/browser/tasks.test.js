// Packs with other tasks than PrideMM's, in the page and in the extension: no model runs here.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { empty, fileAt, host, launch, listen, root, send } from './harness.js';

const IRONY = { label: 'ironic', logits: [0, 1], probabilities: { sincere: 0.27, ironic: 0.73 }, zero_shot: true, unsure: true, outside: [] };
const HATE = { label: 'no hate', logits: [2, 0], probabilities: { 'no hate': 0.88, hate: 0.12 }, zero_shot: false, unsure: false, outside: [] };

let browser, demo, site;
before(async () => {
  [browser, demo, site] = await Promise.all([
    launch(),
    listen((request, response) => send(fileAt(request.url), response, request)),
    host(join(root, 'www')),
  ]);
});
after(async () => {
  await browser?.close();
  demo?.stop();
  site?.stop();
});

test('the page shows a task that it does not know, with its classes', async () => {
  const page = await browser.newPage();
  await page.route('**/app.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  await page.goto(`${demo.origin}/index.html`);
  const shown = await page.evaluate(
    async ({ irony, hate }) => {
      const { Verdict } = await import('/verdict.js');
      const verdict = new Verdict();
      const info = { name: 'Irony', dtype: 'q4', bytes: 1e6, licence: 'none', provenance: '', notice: 'It errs.', device: 'cpu' };
      verdict.describe({ ...info, tasks: ['irony', 'hate'], labels: { irony: ['sincere', 'ironic'], hate: ['no hate', 'hate'] } });
      const texts = (selector) => Array.from(document.querySelectorAll(`#tasks ${selector}`), ({ textContent }) => textContent);
      const [titles, about] = [texts('h3'), texts('.about')];
      const timings = { decode: 1, read: 0, load: 0, compute: 1 };
      verdict.show({ tasks: { irony, hate }, timings, image: { width: 1, height: 1 }, device: 'cpu' }, 'so funny');
      return { titles, about, guesses: texts('.guess'), classes: texts('.name'), spoken: verdict.spoken };
    },
    { irony: IRONY, hate: HATE },
  );
  assert.deepEqual(shown.titles, ['irony', 'Is it hateful?']);
  assert.equal(shown.about[0], 'sincere, ironic');
  assert.deepEqual(shown.guesses, ['ironic', 'no hate']);
  assert.deepEqual(shown.classes, ['sincere', 'ironic', 'no hate', 'hate']);
  assert.match(shown.spoken, /^irony: ironic, 73/);
  await page.close();
});

test('the page shows no label for what the pack does not know, and its probabilities on demand', async () => {
  const page = await browser.newPage();
  await page.route('**/app.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  await page.goto(`${demo.origin}/index.html`);
  const shown = await page.evaluate(async (hate) => {
    const { TaskCard } = await import('/card.js');
    const card = new TaskCard('hate', ['no hate', 'hate']);
    document.getElementById('tasks').append(card.element);
    const state = () => {
      const [summary, share] = [card.element.querySelector('summary'), card.element.querySelector('.share')];
      const visible = (element) => element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true });
      const guess = card.element.querySelector('.guess').textContent;
      return { guess, note: card.element.querySelector('.note').textContent, summary: visible(summary), share: visible(share) };
    };
    const states = [];
    card.show(hate, undefined, false);
    states.push(state());
    card.show({ ...hate, outside: ['image', 'text'] }, undefined, false);
    states.push(state());
    card.element.querySelector('summary').click();
    // What was opened stays open while the text changes.
    card.show({ ...hate, outside: ['image'] }, hate, false);
    states.push(state());
    card.show(hate, undefined, false);
    states.push(state());
    return states;
  }, HATE);
  const outside = 'outside what this pack knows';
  assert.deepEqual(shown, [
    { guess: 'no hate', note: '', summary: false, share: true },
    { guess: outside, note: 'It was trained on memes unlike this one in image and text.', summary: true, share: false },
    { guess: `${outside} before: no hate`, note: 'It was trained on memes unlike this one in image.', summary: true, share: true },
    { guess: 'no hate', note: '', summary: false, share: true },
  ]);
  await page.close();
});

test('the extension says in words what the pack does not know', async () => {
  const page = await empty(browser, site.origin);
  await page.evaluate(messages);
  const said = await page.evaluate(async (hate) => {
    const { describe, warningTitle } = await import('/extension/labels.js');
    return [warningTitle('hate', hate), describe('hate', hate)];
  }, { ...HATE, outside: ['image'] });
  assert.deepEqual(said, ['titleOutside', 'markOutside prediction taskHate classNoHate 88%']);
  await page.close();
});

/** What stands in for the browser's messages: their names and what they are filled with. */
const messages = () => {
  const getMessage = (key, substitutions = []) => [key, ...substitutions].join(' ');
  globalThis.chrome = { i18n: { getMessage, getUILanguage: () => 'en' } };
};

test('the extension names a task that it has no message for as the pack does', async () => {
  const page = await empty(browser, site.origin);
  await page.evaluate(messages);
  const described = await page.evaluate(
    async ({ irony, hate }) => {
      const { describe } = await import('/extension/labels.js');
      return [describe('irony', irony), describe('hate', hate)];
    },
    { irony: IRONY, hate: HATE },
  );
  assert.deepEqual(described, ['unsure prediction irony ironic 73%', 'prediction taskHate classNoHate 88%']);
  await page.close();
});

test('the extension refuses a pack that does not know hate', async () => {
  const page = await empty(browser, site.origin);
  const stub = `export const MemeClip = { load: async () => ({
    info: { tasks: ['irony'], labels: { irony: ['sincere', 'ironic'] } },
    classify: async () => ({ tasks: {} }),
    dispose: () => (globalThis.disposed = true),
  }) };`;
  await page.route('**/extension/memeclip/memeclip.js', (route) => route.fulfill({ contentType: 'text/javascript', body: stub }));
  await page.evaluate(messages);
  const { error, model, disposed } = await page.evaluate(async () => {
    const { Verdicts } = await import('/extension/verdicts.js');
    const verdicts = new Verdicts(() => {});
    const address = URL.createObjectURL(new Blob(['an image']));
    const request = verdicts.get({ address, origin: '', pack: 'https://example.org/pack/', unload: 1 });
    const { code, message } = await request.then(() => ({}), (error) => error);
    return { error: { code, message }, model: verdicts.model, disposed: globalThis.disposed };
  });
  const message = 'The pack has no task “hate” with a class “hate”, which warnings need. Its tasks: irony.';
  assert.deepEqual(error, { code: 'task/unknown', message });
  assert.equal(model.state, 'failed');
  assert.deepEqual(model.error, error);
  assert.ok(disposed);
  await page.close();
});
