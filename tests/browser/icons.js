// Draws the extension's icons, www/extension/icons, from the page's: Chromium takes no SVG there.
// Run it by hand when www/demo/icon.svg has changed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, root } from './harness.js';

const svg = readFileSync(join(root, 'www/demo/icon.svg'), 'utf8');
const browser = await launch({ gpu: false });
for (const size of [16, 32, 48, 128]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>html, body { margin: 0 } svg { display: block; width: ${size}px }</style>${svg}`);
  await page.screenshot({ path: join(root, `www/extension/icons/${size}.png`), omitBackground: true });
}
await browser.close();
