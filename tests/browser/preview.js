// Takes www/demo/preview.png, the picture in the README: the page with a sample meme, read and explained.
import { fileURLToPath } from 'node:url';

import { demo, launch } from './harness.js';

const [browser, site] = await Promise.all([launch(), demo()]);
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1440 }, colorScheme: 'light', reducedMotion: 'reduce' });
  await page.goto(`${site.origin}/?device=cpu`);
  await page.locator('.thumbs button').last().click();
  await page.waitForSelector('.best');
  await page.getByRole('button', { name: 'Explain this guess' }).click();
  await page.waitForSelector('.words li');
  await page.evaluate(() => (document.activeElement.blur(), scrollTo(0, 0)));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: fileURLToPath(new URL('../../www/demo/preview.png', import.meta.url)) });
} finally {
  await browser.close();
  site.stop();
}
