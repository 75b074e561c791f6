// Reads the text in images, in the Worker: with a WebAssembly module and a part of the pack that are fetched when an image
// first comes without its text.

import { failure, messageOf } from './error.js';
import { loadWasm } from './load-wasm.js';
import { ocr } from './wasm-files.js';

/** @import { Reading } from './types.js' */

/**
 * A promise of what reads.
 * @type {Promise<any> | undefined}
 */
let reader;

/**
 * The text in the image.
 * @param {any} image As the model's WebAssembly has decoded it.
 * @param {any} classifier
 * @param {AbortSignal} signal Stops what is fetched for it.
 * @returns {Promise<Reading>}
 */
export async function readText(image, classifier, signal) {
  reader ??= open(classifier, signal);
  try {
    return (await reader).read(image.width, image.height, image.forReader());
  } catch (error) {
    // The next image tries again.
    reader = undefined;
    throw error;
  }
}

/**
 * @param {any} classifier
 * @param {AbortSignal} signal
 */
async function open(classifier, signal) {
  const module = loadModule();
  // The classifier takes one call at a time: this one must end, even if the module has failed by then.
  module.catch(() => {});
  const [shard, small] = await classifier.ocr(signal);
  const { Reader } = await module;
  const reader = new Reader(shard);
  if (small) reader.addSmall(small);
  return reader;
}

async function loadModule() {
  try {
    return await loadWasm(ocr);
  } catch (error) {
    throw failure('network', `${ocr.script} could not be loaded (${messageOf(error)})`, 'Try again, or give the text.');
  }
}
