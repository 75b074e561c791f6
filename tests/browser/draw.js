// Draws image files in Chromium. `node draw.js` writes what it shows of those of tests/goldens/odd beside them.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, root } from './harness.js';

/** Images that programs show in different ways, made by tests/reference/odd_images.py. */
export const ODD = join(root, 'tests/goldens/odd');

export function oddImages() {
  return readdirSync(ODD).filter((name) => !name.endsWith('.shown.png'));
}

/** A page that draws. */
export async function drawingPage(browser) {
  const page = await browser.newPage();
  await defineDraw(page);
  return page;
}

/** Gives the page `draw`. */
export async function defineDraw(page) {
  await page.evaluate(() => {
    /** The image on a canvas; null if the browser shows nothing of it. */
    globalThis.draw = async (base64) => {
      const image = new Image();
      const shown = new Promise((resolve) => {
        image.onload = () => resolve(true);
        image.onerror = () => resolve(false);
      });
      image.src = `data:;base64,${base64}`;
      if (!(await shown)) return null;
      // It rejects images that end early, which are shown all the same.
      await image.decode().catch(() => {});
      const { naturalWidth: width, naturalHeight: height } = image;
      // A canvas holds no more pixels.
      if (width * height === 0 || width * height > 2 ** 28) return null;
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, width, height).data.some((value, i) => i % 4 === 3 && value > 0) ? canvas : null;
    };
    globalThis.base64 = async (blob) => new Uint8Array(await blob.arrayBuffer()).toBase64();
  });
}

/** The image as a PNG; null if the browser shows nothing of it. */
export async function shownAsPng(page, file) {
  const png = await page.evaluate(
    async (file) => (await globalThis.draw(file))?.convertToBlob({ type: 'image/png' }).then(globalThis.base64),
    file.toString('base64'),
  );
  return png ? Buffer.from(png, 'base64') : null;
}

/** The image's RGBA pixels; null if the browser shows nothing of it. */
export async function shownPixels(page, file) {
  const shown = await page.evaluate(async (file) => {
    const canvas = await globalThis.draw(file);
    if (!canvas) return null;
    const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return { width, height, data: new Uint8Array(data.buffer).toBase64() };
  }, file.toString('base64'));
  return shown && { ...shown, data: Buffer.from(shown.data, 'base64') };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const browser = await launch();
  const page = await drawingPage(browser);
  for (const name of oddImages()) {
    const png = await shownAsPng(page, readFileSync(join(ODD, name)));
    if (!png) throw new Error(`${name}: Chromium shows nothing`);
    writeFileSync(join(ODD, `${name}.shown.png`), png);
  }
  await browser.close();
}
