// A Worker that runs both towers in onnxruntime-web. Requests: 'open', 'input', then any number of 'run'.

import { answer } from './answer.js';

let ort;
let sessions;
let inputs;

const methods = {
  /** Fetches and prepares both towers; `threads` counts for the wasm provider only. */
  async open({ provider, dtype, threads }) {
    // The WebGPU build for browsers with JSPI is as fast as the other one, and 2.4 MB smaller (gzip).
    ort = await import(provider === 'webgpu' ? '/ort/ort.jspi.min.mjs' : '/ort/ort.wasm.min.mjs');
    ort.env.wasm.numThreads = threads;
    const session = (tower) =>
      ort.InferenceSession.create(`/weights/${tower}-${dtype}.onnx`, { executionProviders: [provider] });
    // One after the other, so that only one file's bytes are in memory at a time.
    sessions = [await session('vision'), await session('text')];
  },

  async input({ size, pixels, ids }) {
    inputs = [
      { pixel_values: new ort.Tensor('float32', pixels, [1, 3, size, size]) },
      { input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]) },
    ];
  },

  async run() {
    const features = [];
    for (const [i, session] of sessions.entries()) {
      const { feature } = await session.run(inputs[i]);
      features.push([...(await feature.getData())]);
      feature.dispose();
    }
    return { image: features[0], text: features[1] };
  },
};

self.onmessage = ({ data }) => answer(data, methods);
