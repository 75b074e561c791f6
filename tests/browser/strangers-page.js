// Shows files that may be anything to the package and to Chromium: for strangers.js.
/* global draw, examine */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineDraw } from './draw.js';
import { blank, root } from './harness.js';

/** Milliseconds after which a file hangs the page. */
const LIMIT = 120_000;
/** Files after which a page is replaced: WebAssembly's memory never shrinks. */
const FILES = 100;

/** A tab with the package and a pack from the site. After a crash, or many files, it is a new one. */
export class Tab {
  #files = 0;

  constructor(browser, site) {
    Object.assign(this, { browser, site });
    site.scripts['/difference.js'] = readFileSync(join(root, 'tests/browser/difference.js'), 'utf8');
  }

  /**
   * What becomes of a file, given as base64: `verdict` or `error` of the package with this text, or the text that it reads, and
   * its `time` in milliseconds; `decoded`, what our decoder makes of it, and `shown`, what Chromium draws: sizes, and if both
   * are there, `difference`. Or `crash`.
   */
  async examine(file, text) {
    this.page ??= await this.#open();
    this.#files += 1;
    let clock;
    try {
      const late = new Promise((_, reject) => (clock = setTimeout(() => reject(new Error('the page hangs')), LIMIT)));
      const crashed = new Promise((_, reject) => this.page.once('crash', () => reject(new Error('the page crashed'))));
      const seen = await Promise.race([this.page.evaluate(([file, text]) => examine(file, text), [file, text]), late, crashed]);
      if (seen.crash || this.#files >= FILES) await this.close();
      return seen;
    } catch (error) {
      await this.close();
      return { crash: error.message.split('\n')[0] };
    } finally {
      clearTimeout(clock);
    }
  }

  async close() {
    this.#files = 0;
    // A page that hangs does not close of itself.
    await this.context?.close();
    this.page = this.context = undefined;
  }

  async #open() {
    this.context = await this.browser.newContext();
    const { page, open } = await blank(this.browser, this.site.origin, this.context);
    const { error } = await open('/weights/', { device: 'cpu' });
    if (error) throw new Error(error.message);
    await defineDraw(page);
    await page.evaluate(defineExamine);
    return page;
  }
}

async function defineExamine() {
  const { difference } = await import('/difference.js');
  const wasm = await import('/memeclip/pkg/simd128.js');
  await wasm.default({ module_or_path: '/memeclip/pkg/simd128_bg.wasm' });

  const pixels = (canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);

  /** What our decoder makes of the file, as the reader sees it: on white or on black. */
  function decode(bytes) {
    let image;
    try {
      image = wasm.Image.decode('the image', bytes);
    } catch ({ code, message }) {
      return code ? { error: { code, message } } : { crash: message };
    }
    const { width, height } = image;
    const [rgb, notices] = [image.forReader(), image.notices().map(({ code }) => code)];
    image.free();
    const data = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let i = 0; i < rgb.length; i++) data[i + Math.floor(i / 3)] = rgb[i];
    return { width, height, notices, data };
  }

  /** What Chromium draws of the file without its colour profile. */
  async function withoutProfile(bytes) {
    const bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: 'none' }).catch(() => null);
    if (!bitmap) return null;
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d', { willReadFrequently: true }).drawImage(bitmap, 0, 0);
    return pixels(canvas);
  }

  globalThis.examine = async (base64, text) => {
    const start = performance.now();
    const { verdict, error } = await run(base64, { text });
    const seen = { verdict, error, time: performance.now() - start };
    if (error?.code === 'internal') return { ...seen, crash: error.message };

    const bytes = Uint8Array.fromBase64(base64);
    const { data, crash, ...decoded } = decode(bytes);
    if (crash) return { ...seen, crash };
    const canvas = await draw(base64);
    const shown = canvas && { width: canvas.width, height: canvas.height };
    Object.assign(seen, { decoded, shown });
    if (!data || !shown) return seen;
    const differs = (other) => {
      const on = (paper) => difference({ ...decoded, data }, other, [paper]);
      const black = on(0);
      // Mostly there is none.
      return black && Math.min(black, on(255));
    };
    seen.difference = differs(pixels(canvas));
    if (seen.difference > 0) {
      const plain = await withoutProfile(bytes);
      if (plain) seen.withoutProfile = differs(plain);
    }
    return seen;
  };
}
