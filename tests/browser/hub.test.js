// Packs on the Hugging Face Hub, by `hf:`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, root, serve } from './harness.js';
import { onHub } from '../../www/memeclip/hub.js';

const weights = join(root, 'weights/default');
let browser, site;
before(async () => {
  [browser, site] = await Promise.all([launch(), serve(weights)]);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

test('addresses', () => {
  // As huggingface_hub's `hf_hub_url` makes them, without a file.
  const addresses = {
    'hf:owner/name': 'owner/name/resolve/main/',
    'hf:owner/name/': 'owner/name/resolve/main/',
    'hf:Some-1/name_2.b@v1.0': 'Some-1/name_2.b/resolve/v1.0/',
    'hf:owner/name/q8/more': 'owner/name/resolve/main/q8/more/',
    'hf:owner/name@abc123/q8': 'owner/name/resolve/abc123/q8/',
    'hf://owner/name': 'owner/name/resolve/main/',
    'hf:owner/name@refs/pr/1/q8': 'owner/name/resolve/refs%2Fpr%2F1/q8/',
    'hf:owner/name@feature%2Fc': 'owner/name/resolve/feature%2Fc/',
    'hf:owner/name/a folder#1': 'owner/name/resolve/main/a%20folder%231/',
  };
  for (const [given, path] of Object.entries(addresses)) assert.equal(onHub(given), `https://huggingface.co/${path}`);
  for (const other of ['weights/', 'https://huggingface.co/owner/name', '/hf:owner/name']) assert.equal(onHub(other), null);
  for (const wrong of ['hf:', 'hf:name', 'hf:owner/name@', 'hf://name', 'hf:owner/name@%', 'hf:owner/na me', 'hf:owner/name/../x']) {
    assert.throws(() => onHub(wrong), { code: 'argument' }, wrong);
  }
});

test('the page opens one, and its policy allows that', async () => {
  const context = await browser.newContext();
  const asked = [];
  await context.route('https://huggingface.co/**', (route) => {
    asked.push(route.request().url());
    route.fulfill({ headers: { 'access-control-allow-origin': '*' }, body: readFileSync(join(weights, asked.at(-1).split('/').at(-1))) });
  });
  const page = await context.newPage();
  await page.goto(`${site.origin}/index.html?device=cpu&weights=hf:owner/name@v1/q8`);
  await page.locator('#status', { hasText: 'Choose an image' }).waitFor();
  await page.locator('#facts', { hasText: JSON.parse(readFileSync(join(weights, 'manifest.json'))).name }).waitFor();
  // Once for what the pack costs.
  assert.deepEqual([...new Set(asked)], ['https://huggingface.co/owner/name/resolve/v1/q8/manifest.json']);
  await context.close();
});
