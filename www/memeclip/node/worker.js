// The first script of a thread: makes of it what a browser's Worker is, and runs the script that the Worker is for.

import { parentPort, workerData } from 'node:worker_threads';
import { usePlatform } from '../platform.js';
import { node } from './platform.js';

usePlatform(node);

const thread = /** @type {any} */ (parentPort);
const scope = {
  self: globalThis,
  // By its presence the WebAssembly knows a Worker.
  WorkerGlobalScope: Object,
  // With no GPU and no locks: Deno's GPU is untried, and whoever started the thread hears of its end.
  navigator: {},
  // May read from everywhere.
  origin: '',
  postMessage: (/** @type {any} */ data, /** @type {any} */ transfer) => thread.postMessage(data, transfer),
  onmessage: null,
  onmessageerror: null,
  // `unhandledrejection`, after which a thread ends anyway.
  addEventListener() {},
};
for (const [name, value] of Object.entries(scope)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

await import(workerData);
// What has come before waits for this.
thread.on('message', (/** @type {any} */ data) => self.onmessage?.(/** @type {any} */ ({ data })));
thread.on('messageerror', (/** @type {any} */ error) => self.onmessageerror?.(error));
