// Workers as browsers have them, on threads as Node.js has them.

import { Worker as NodeThread } from 'node:worker_threads';

/** @import { Platform, Thread } from '../platform.js' */

/** @type {Platform['startWorker']} */
export function startWorker(script) {
  return new NodeWorker(script);
}

/** @implements {Thread} */
class NodeWorker {
  #thread;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;

  /** @param {URL} script */
  constructor(script) {
    // Not the program's own flags: --input-type, for one, is refused for threads.
    this.#thread = new NodeThread(new URL('./worker.js', import.meta.url), { workerData: script.href, execArgv: [] });
    this.#thread.on('message', (data) => this.onmessage?.({ data }));
    // Without a message, as in browsers, if the script cannot be loaded.
    this.#thread.on('error', (error) => this.#fail(error));
    this.#thread.on('exit', () => this.#fail(new Error('the Worker has ended')));
    // The program may end while it waits for work. Last: a listener takes it back.
    this.#thread.unref();
  }

  /** @param {any} error */
  #fail(error) {
    const message = /MODULE_NOT_FOUND$/.test(error?.code) ? '' : (error?.message ?? String(error));
    this.onerror?.({ message, preventDefault() {} });
  }

  /**
   * @param {any} data
   * @param {any} [transfer]
   */
  postMessage(data, transfer) {
    this.#thread.postMessage(data, transfer);
  }

  terminate() {
    this.onmessage = this.onerror = null;
    this.#thread.terminate();
  }
}
