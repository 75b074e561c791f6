import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { blank, demo, launch, pack, picture } from './harness.js';

let browser, site;
before(async () => {
  browser = await launch();
  site = await demo('--weights', pack('tiny', 'q8'));
});
after(async () => {
  await browser?.close();
  site?.stop();
});

test('cpu', async () => {
  const { open, run } = await blank(browser, site.origin);
  const opened = await open('/weights/', { device: 'cpu' });
  console.log(opened);
  const result = await run(picture('photo.jpg'), { text: 'hello' });
  console.log(JSON.stringify(result, null, 1));
  assert.ok(result.verdict);
});
