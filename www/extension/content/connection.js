/** The connection to the model's document, opened when first needed. */
export class Connection {
  #onEnd;
  /** @type {Promise<chrome.runtime.Port> | null} */
  #port = null;
  /** @type {Map<number, PromiseWithResolvers<import('./image-cache.js').CheckedImage['verdict']>>} */
  #pending = new Map();
  #nextId = 0;
  #report = null;

  /** @param {() => void} onEnd The extension is gone, and no connection will be possible again. */
  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  /**
   * The verdict on the image at `address`. Errors have a `code`.
   * @param {{ address: string, pack: string, unload: number, noWords: 'judge' | 'skip' }} request
   */
  async classify(request) {
    for (let retry = true; ; retry = false) {
      const port = await this.#open();
      const pending = Promise.withResolvers();
      const id = this.#nextId++;
      this.#pending.set(id, pending);
      try {
        port.postMessage({ id, ...request });
        return await pending.promise;
      } catch (error) {
        // The browser may have closed the model's document; a new one answers the second time.
        if (error.code !== 'lost' || !retry) throw error;
      }
    }
  }

  /**
   * Sends the frame's report, at the latest when the connection opens.
   * @param {import('../report.js').Report} report
   */
  report(report) {
    this.#report = report;
    this.#port?.then((port) => port.postMessage({ report })).catch(() => {});
  }

  #open() {
    this.#port ??= this.#connect();
    return this.#port;
  }

  async #connect() {
    try {
      await chrome.runtime.sendMessage({ method: 'openModel' });
      const port = chrome.runtime.connect({ name: 'page' });
      port.onMessage.addListener(({ id, verdict, error }) => {
        const pending = this.#pending.get(id);
        this.#pending.delete(id);
        if (error) pending?.reject(error);
        else pending?.resolve(verdict);
      });
      port.onDisconnect.addListener(() => this.#lost());
      if (this.#report) port.postMessage({ report: this.#report });
      return port;
    } catch {
      this.#lost();
      throw connectionLost();
    }
  }

  #lost() {
    this.#port = null;
    for (const { reject } of this.#pending.values()) reject(connectionLost());
    this.#pending.clear();
    if (!chrome.runtime?.id) this.#onEnd();
  }
}

const connectionLost = () => Object.assign(new Error('The connection to the model was lost.'), { code: 'lost' });
