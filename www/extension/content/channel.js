/** The way to the model, opened when first needed. */
class Channel {
  #gone;
  #opening = null;
  #pending = new Map();
  #next = 0;
  #page = null;

  /** `gone()`: there is no way any more, nor will there be. */
  constructor(gone) {
    this.#gone = gone;
  }

  /** The verdict on the picture at `request.address`; a failure has a `code`. */
  async ask(request) {
    for (let again = true; ; again = false) {
      const port = await this.#open();
      const { promise, resolve, reject } = Promise.withResolvers();
      const id = this.#next++;
      this.#pending.set(id, { resolve, reject });
      try {
        port.postMessage({ id, ...request });
        return await promise;
      } catch (error) {
        // The browser may have ended the model's document, and another one answers.
        if (error.code !== 'lost' || !again) throw error;
      }
    }
  }

  /** Says how far the page is; remembered until there is a way. */
  tell(page) {
    this.#page = page;
    this.#opening?.then((port) => port.postMessage({ page })).catch(() => {});
  }

  #open() {
    this.#opening ??= this.#connect();
    return this.#opening;
  }

  async #connect() {
    try {
      await chrome.runtime.sendMessage({ method: 'wake' });
      const port = chrome.runtime.connect({ name: 'page' });
      port.onMessage.addListener(({ id, verdict, error }) => {
        const pending = this.#pending.get(id);
        this.#pending.delete(id);
        if (error) pending?.reject(error);
        else pending?.resolve(verdict);
      });
      port.onDisconnect.addListener(() => this.#lost());
      if (this.#page) port.postMessage({ page: this.#page });
      return port;
    } catch {
      this.#lost();
      throw { code: 'lost' };
    }
  }

  #lost() {
    this.#opening = null;
    for (const { reject } of this.#pending.values()) reject({ code: 'lost' });
    this.#pending.clear();
    if (!chrome.runtime?.id) this.#gone();
  }
}
