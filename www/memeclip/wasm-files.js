// Addresses of the WebAssembly and its JavaScript; each is written out, so that bundlers see it.

/** @typedef {{ script: URL, module: URL }} WasmFiles A WebAssembly module, and the JavaScript that it is called through. */
/** @typedef {'threads' | 'relaxed' | 'simd128'} Build */

/**
 * The builds of the model, of which one is loaded.
 * @type {Record<Build, WasmFiles>}
 */
export const builds = {
  threads: {
    script: new URL('./pkg/threads.js', import.meta.url),
    module: new URL('./pkg/threads_bg.wasm', import.meta.url),
  },
  relaxed: {
    script: new URL('./pkg/relaxed.js', import.meta.url),
    module: new URL('./pkg/relaxed_bg.wasm', import.meta.url),
  },
  simd128: {
    script: new URL('./pkg/simd128.js', import.meta.url),
    module: new URL('./pkg/simd128_bg.wasm', import.meta.url),
  },
};

/**
 * What reads the text in images.
 * @type {WasmFiles}
 */
export const ocr = {
  script: new URL('./pkg/ocr.js', import.meta.url),
  module: new URL('./pkg/ocr_bg.wasm', import.meta.url),
};
