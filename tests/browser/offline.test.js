// The page on a plain host of static files: without a connection, without special headers, and what it asks for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, root, serve } from './harness.js';

const SAMPLES = JSON.parse(readFileSync(join(root, 'www/demo/samples/samples.json')));
const [SAMPLE] = SAMPLES;
const PICTURE = join(root, 'www/demo/samples', SAMPLE.file);

let browser, site, context, page;
before(async () => {
  [browser, site] = await Promise.all([launch(), serve(join(root, 'weights/default'))]);
  site.headers = {};
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** What was asked for, without the script that listens to the page's requests: the browser itself looks for a newer one. */
const files = () => site.requests.map(({ path }) => path.slice(1)).filter((path) => path !== 'service-worker.js');

async function visit() {
  await page.goto(`${site.origin}/index.html?device=cpu`);
  // The last file that the page asks for by itself.
  await page.locator('.thumbs button').nth(new Set(SAMPLES.map(({ file }) => file)).size - 1).waitFor();
}

async function ask(words) {
  await page.fill('#text', words);
  await page.setInputFiles('#file', PICTURE);
  await page.waitForSelector('.meter');
  await page.locator('#tasks[aria-busy=false]').waitFor({ state: 'attached' });
  return page.locator('.meter').evaluateAll((meters) => meters.map((meter) => meter.style.getPropertyValue('--share')));
}

test('after the first visit it works without a connection, with threads', async () => {
  context = await browser.newContext();
  page = await context.newPage();
  await visit();
  assert.equal(await page.evaluate(() => crossOriginIsolated), false);
  const online = await ask(SAMPLE.text);
  site.down = true;
  await visit();
  const offline = await ask(SAMPLE.text);
  assert.equal(offline.length, online.length);
  // Another build of the same kernels.
  for (const i in online) assert.ok(Math.abs(offline[i] - online[i]) < 1e-3, `${offline[i]} instead of ${online[i]}`);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  site.down = false;
  await visit();
  await ask(SAMPLE.text);
  assert.match(await page.textContent('#facts'), /2 threads/);
  await context.close();
});

test('lists all that is asked for', async () => {
  context = await browser.newContext();
  page = await context.newPage();
  site.requests.length = 0;
  await visit();
  await ask(SAMPLE.text);
  const asked = new Set(files());
  await page.locator('#network li').nth(asked.size - 1).waitFor({ state: 'attached' });
  const lines = await page.locator('#network li').allTextContents();
  assert.deepEqual(lines.map((line) => line.replace(/ \(.*|\?.*/, '')).sort(), [...asked].sort());
  assert.ok(asked.has('memeclip/worker.js') && [...asked].some((path) => path.endsWith('.safetensors')));
  assert.equal(await page.textContent('#network summary'), `${asked.size} files asked for, nothing sent`);
  await page.evaluate(() => fetch('elsewhere', { method: 'POST', body: 'words' }));
  await page.locator('#network li', { hasText: 'POST elsewhere with 5 bytes' }).waitFor({ state: 'attached' });
  assert.match(await page.textContent('#network summary'), /5 bytes sent/);
  await context.close();
});

test('measures its speed', async () => {
  context = await browser.newContext();
  page = await context.newPage();
  await visit();
  await page.getByRole('button', { name: 'Measure the speed here' }).click();
  await page.locator('#benchmark p', { hasText: /^[\d.]+ m?s a meme on the CPU.*: the median of 5; the fastest took [\d.]+ m?s\.$/ }).waitFor();
  await context.close();
});
