// Takes www/preview.png, the picture in the README: the page with a sample meme in other words.
import { fileURLToPath } from 'node:url';

import { demo, launch } from './harness.js';

const [browser, site] = await Promise.all([launch(), demo()]);
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1190 }, colorScheme: 'light', reducedMotion: 'reduce' });
  await page.goto(`${site.origin}/?device=cpu`);
  await page.locator('.thumbs button').first().click();
  await page.waitForSelector('.best');
  await page.locator('.chips button').nth(1).click();
  await page.waitForSelector('.compared');
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: fileURLToPath(new URL('../../www/preview.png', import.meta.url)) });
} finally {
  await browser.close();
  site.stop();
}
