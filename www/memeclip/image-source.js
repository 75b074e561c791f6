import { absolute } from './address.js';
import { failure, messageOf } from './error.js';

/** @import { Pixels, Source } from './worker.js' */

/**
 * What the Worker needs to read the image: something that can be posted to it.
 * @param {any} image
 * @returns {Promise<Source>}
 */
export async function sourceOf(image) {
  // By name: a Worker or an older browser lacks some of these classes.
  const classes = /** @type {Record<string, any>} */ (globalThis);
  const is = (/** @type {string} */ name) => typeof classes[name] === 'function' && image instanceof classes[name];
  if (typeof image === 'string' || is('URL')) return { url: absolute(image) };
  if (is('HTMLImageElement')) return { url: absolute(image.currentSrc || image.src || 'about:blank') };
  if (is('Blob')) return { blob: image, name: image.name || 'the image' };
  if (is('ArrayBuffer') || ArrayBuffer.isView(image)) return { blob: new Blob([image]), name: 'the image' };
  if (is('ImageData')) return pixels(image);
  if (is('ImageBitmap')) return { bitmap: image };
  if (is('HTMLCanvasElement') || is('OffscreenCanvas')) return pixelsOfCanvas(image);
  const sources = 'File, Blob, ArrayBuffer, ImageData, ImageBitmap, canvas, img or address';
  throw failure('argument', 'not an image source', `Give a ${sources}.`);
}

/**
 * @param {Pixels} image
 * @returns {Source}
 */
function pixels({ width, height, data }) {
  return { pixels: { width, height, data } };
}

/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @returns {Promise<Source>}
 */
async function pixelsOfCanvas(canvas) {
  const { width, height } = canvas;
  if (width === 0 || height === 0) return pixels({ width, height, data: new Uint8Array() });
  try {
    const context = /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext('2d'));
    return context ? pixels(context.getImageData(0, 0, width, height)) : { bitmap: await createImageBitmap(canvas) };
  } catch (error) {
    throw failure('image/unreadable', `the canvas cannot be read (${messageOf(error)})`, "Give its images' files.");
  }
}
