// Reads the text off pictures, in the Worker: a WebAssembly module and a part of the pack that are fetched when a picture
// first comes without its text.

import { ocr } from './builds.js';
import { load } from './code.js';
import { failure } from './error.js';

/** A promise of what reads. */
let reader;

/** What the picture says; `signal` stops what is fetched for it. */
export async function read(image, classifier, signal) {
  reader ??= open(classifier, signal);
  try {
    return (await reader).read(image.width, image.height, image.rgb());
  } catch (error) {
    // The next picture tries again.
    reader = undefined;
    throw error;
  }
}

async function open(classifier, signal) {
  const module = code();
  // The classifier takes one call at a time: this one is to end, even if the module has failed by then.
  module.catch(() => {});
  const shard = await classifier.ocr(signal);
  const { Reader } = await module;
  return new Reader(shard);
}

async function code() {
  try {
    return await load(ocr);
  } catch (error) {
    throw failure('network', `${ocr.script} could not be loaded (${error.message})`, 'Try again, or give the text.');
  }
}
