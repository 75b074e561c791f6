// One thread of the cpu engine: does its share of every loop until the Worker that started it ends.

import { messageOf } from './error.js';
import { holdLock } from './worker-lock.js';

self.onmessage = async ({ data: { script, module, memory, channel } }) => {
  let wasm;
  try {
    wasm = await import(/* @vite-ignore */ /* webpackIgnore: true */ script);
    await wasm.default({ module_or_path: module, memory });
    await holdLock(channel);
  } catch (error) {
    self.postMessage(messageOf(error));
    return;
  }
  self.postMessage(null);
  try {
    wasm.runThread();
  } catch (error) {
    // The Worker that started this thread waits for it and hears nothing. The page does.
    new BroadcastChannel(channel).postMessage({ crashed: messageOf(error) });
  }
};
