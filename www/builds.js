/** The builds of the WebAssembly, each with its JavaScript; every address is written out, so that bundlers see it. */
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
