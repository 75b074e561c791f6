import { absolute } from './address.js';
import { failure, messageOf } from './error.js';

/** @import { Pixels, Size, Source } from './worker.js' */

/** An element that shows the file at its address. */
/** @typedef {HTMLImageElement | HTMLVideoElement | SVGImageElement} AddressedElement */

/**
 * What the Worker needs to read the image: something that can be posted to it.
 * @param {any} image
 * @returns {Promise<Source>}
 */
export async function sourceOf(image) {
  const is = (/** @type {string[]} */ ...names) => names.some((name) => isA(image, name));
  if (typeof image === 'string' || is('URL')) return { url: absolute(image) };
  const element = addressedElement(image);
  if (element) return { url: addressOf(element), shown: sizeOf(element) };
  if (is('HTMLVideoElement')) return frameOf(image);
  if (is('Blob', 'File')) return { blob: image, name: image.name || 'the image' };
  if (is('Response')) return fileOf(image);
  if (is('ArrayBuffer') || ArrayBuffer.isView(image)) return { blob: new Blob([image]), name: 'the image' };
  if (is('ImageData') || arePixels(image)) return pixels(image);
  if (is('ImageBitmap')) return { bitmap: image };
  if (is('VideoFrame')) return drawn(image, { width: image.displayWidth, height: image.displayHeight });
  if (is('HTMLCanvasElement', 'OffscreenCanvas')) return pixelsOfCanvas(image);
  const sources = 'File, Blob, Response, ArrayBuffer, typed array, ImageData, ImageBitmap, VideoFrame, canvas, img, picture, video or address';
  throw failure('argument', 'not an image source', `Give a ${sources}.`);
}

/**
 * The pixels that an element shows, for when its address does not give them: a revoked `blob:`, a format that only the page
 * can draw (SVG), another answer than the first. Null if the image is no such element, shows another address by now, or if
 * the page may not read its pixels.
 * @param {any} image
 * @param {string} url The address that failed.
 * @returns {Promise<Source | null>}
 */
export async function shownBy(image, url) {
  const element = addressedElement(image);
  if (!element || isA(element, 'HTMLVideoElement') || addressOf(element) !== url) return null;
  const size = sizeOf(element);
  return size ? drawn(element, size).catch(() => null) : null;
}

/**
 * Several images: an array, or what an `input` gives. Null if it is one image.
 * @param {any} images
 * @returns {readonly any[] | null}
 */
export function listOf(images) {
  return Array.isArray(images) || isA(images, 'FileList') ? Array.from(images) : null;
}

/**
 * By name, because a Worker or an older browser lacks some of the classes; by tag as well, because a frame has its own.
 * @param {any} value
 * @param {string} name
 */
function isA(value, name) {
  const known = /** @type {Record<string, any>} */ (globalThis)[name];
  return (typeof known === 'function' && value instanceof known) || Object.prototype.toString.call(value) === `[object ${name}]`;
}

/**
 * The element whose address has what is shown: of a `picture` its `img`, and a `video` until it shows a frame.
 * @param {any} image
 * @returns {AddressedElement | null}
 */
function addressedElement(image) {
  if (isA(image, 'HTMLPictureElement')) return image.querySelector('img');
  const addressed = isA(image, 'HTMLImageElement') || isA(image, 'SVGImageElement') || (isA(image, 'HTMLVideoElement') && showsPoster(image));
  return addressed ? image : null;
}

/**
 * A video shows its poster until it is played or sought. It may be paused or sought to its very start.
 * @param {HTMLVideoElement} video
 */
function showsPoster(video) {
  // Firefox may count a frame that it has decoded behind the poster.
  const frames = 'mozPaintedFrames' in video ? 0 : video.getVideoPlaybackQuality().totalVideoFrames;
  return video.poster && video.paused && video.currentTime === 0 && video.played.length === 0 && frames === 0;
}

/** @param {AddressedElement} element */
function addressOf(element) {
  if ('poster' in element) return absolute(element.poster);
  if ('href' in element) return absolute(element.href.baseVal, element.baseURI);
  return absolute(element.currentSrc || element.src || 'about:blank');
}

/**
 * The size of what an `img` shows, as far as it is known.
 * @param {AddressedElement} element
 */
function sizeOf(element) {
  if (!('naturalWidth' in element) || element.naturalWidth === 0) return undefined;
  return { width: element.naturalWidth, height: element.naturalHeight };
}

/**
 * The frame that a video shows.
 * @param {HTMLVideoElement} video
 */
async function frameOf(video) {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    throw failure('image/unreadable', 'the video shows no frame yet', 'Wait for its event `loadeddata`.');
  }
  return drawn(video, { width: video.videoWidth, height: video.videoHeight });
}

/**
 * The pixels that the browser draws.
 * @param {CanvasImageSource} image
 * @param {Size} size
 */
async function drawn(image, { width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.drawImage(image, 0, 0, width, height);
  return pixelsOfCanvas(canvas);
}

/**
 * @param {Response} response
 * @returns {Promise<Source>}
 */
async function fileOf(response) {
  const name = response.url || 'the response';
  if (!response.ok) throw failure('image/unreadable', `${name}: the server answers ${response.status}`, 'Give another address.');
  try {
    return { blob: await response.blob(), name };
  } catch (error) {
    throw failure('image/unreadable', `${name}: the image cannot be read (${messageOf(error)})`, 'Fetch it again, or give a clone.');
  }
}

/**
 * What has the shape of an `ImageData`, as other libraries give pixels.
 * @param {any} image
 */
function arePixels(image) {
  return Number.isInteger(image?.width) && Number.isInteger(image.height) && ArrayBuffer.isView(image.data);
}

/**
 * @param {Pixels} image
 * @returns {Source}
 */
function pixels({ width, height, data }) {
  if (data.byteLength !== 4 * width * height) {
    const problem = `${data.byteLength} bytes are not the pixels of ${width} × ${height}`;
    throw failure('argument', problem, 'Give RGBA, 8 bits each.');
  }
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
    throw failure('image/unreadable', `its pixels cannot be read (${messageOf(error)})`, "Give the image's file.");
  }
}
