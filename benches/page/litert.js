// A Worker that runs both towers in LiteRT.js. Requests are those of ort.js. It is not a module, because LiteRT.js loads its
// WebAssembly with importScripts.

const code = new URL('/litert/', self.location.href).href;

let litert;
let models;
let inputs;

/** LiteRT.js, which imports a package by its name: a Worker cannot map that to an address. */
async function library() {
  const source = await (await fetch(`${code}core/dist/index.js`)).text();
  const resolved = source.replace('"@litertjs/wasm-utils"', `"${code}wasm-utils/dist/index.js"`);
  return import(URL.createObjectURL(new Blob([resolved], { type: 'text/javascript' })));
}

const methods = {
  /** Fetches and prepares both towers. */
  async open({ provider, dtype, threads }) {
    litert = await library();
    // In a Worker, Emscripten takes this script for its own.
    const folder = `${code}core/wasm/`;
    self.Module = {
      locateFile: (file) => folder + file,
      mainScriptUrlOrBlob: `${folder}litert_wasm_threaded_internal.js`,
    };
    // WebGPU needs JSPI where a few of the operations run on the CPU.
    await litert.loadLiteRt(folder, { threads: threads > 1, jspi: provider === 'webgpu' });
    const model = (tower) =>
      litert.loadAndCompile(`/weights/${tower}-${dtype}.tflite`, {
        accelerator: provider,
        cpuOptions: { numThreads: threads },
      });
    models = [await model('vision'), await model('text')];
  },

  async input({ size, pixels, ids }) {
    inputs = [
      new litert.Tensor(pixels, [1, 3, size, size]),
      new litert.Tensor(Int32Array.from(ids), [1, ids.length]),
    ];
  },

  async run() {
    const features = [];
    for (const [i, model] of models.entries()) {
      const [feature] = await model.run([inputs[i]]);
      features.push([...(await feature.data())]);
      feature.delete();
    }
    return { image: features[0], text: features[1] };
  },
};

// The page is told of errors only.
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});

self.onmessage = async ({ data }) => (await import('/page/answer.js')).answer(data, methods);
