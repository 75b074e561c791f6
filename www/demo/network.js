import { byId, find } from './dom.js';

/** Milliseconds that the page waits for its service worker. */
const TIMEOUT = 10_000;

/** What the page has asked the network for, as its service worker sees it: the page's claim to send nothing, to be checked. */
export class Network {
  #summary = find(byId('network'), 'summary');
  #list = find(byId('network'), 'ul');
  #folder = new URL('.', document.baseURI).href;
  /** @type {Map<string, { element: HTMLElement, count: number }>} */
  #rows = new Map();
  #sent = 0;

  constructor() {
    new BroadcastChannel('memeclip requests').onmessage = ({ data }) => this.#add(data);
  }

  /**
   * Resolves once requests pass the service worker, or where there can be none, or none comes: the page works without.
   * Then what was loaded before it is asked for again, so that it is listed and kept.
   */
  async watch() {
    const workers = navigator.serviceWorker;
    if (!workers || workers.controller) return;
    try {
      const late = new Promise((_, reject) => setTimeout(reject, TIMEOUT));
      await Promise.race([control(workers), late]);
    } catch {
      // A browser that keeps nothing.
      return;
    }
    const known = new Set();
    const again = (/** @type {string} */ url) => {
      if (known.has(url) || !url.startsWith('http')) return;
      known.add(url);
      fetch(url, { cache: 'force-cache' }).catch(() => {});
    };
    again(location.href);
    // Some may be on their way still.
    const loaded = new PerformanceObserver((list) => {
      const entries = /** @type {PerformanceResourceTiming[]} */ (list.getEntries());
      for (const { name, workerStart } of entries) if (workerStart === 0) again(name);
    });
    loaded.observe({ type: 'resource', buffered: true });
  }

  /** @param {{ method: string, url: string, sent: number }} request `sent`: bytes. */
  #add({ method, url, sent }) {
    this.#sent += sent;
    const key = `${method} ${url}`;
    const row = this.#rows.get(key) ?? this.#row(key);
    row.count++;
    // With its query, which could carry something.
    const name = url.replace(this.#folder, '').replace(/^(?=\?|$)/, 'the page itself ');
    const times = row.count > 1 && `(${row.count} times)`;
    row.element.textContent = [method !== 'GET' && method, name, times, sent > 0 && `with ${sent} bytes`].filter(Boolean).join(' ');
    this.#summary.textContent = `${this.#rows.size} files asked for, ${this.#sent ? `${this.#sent} bytes` : 'nothing'} sent`;
  }

  /** @param {string} key */
  #row(key) {
    const row = { element: document.createElement('li'), count: 0 };
    this.#rows.set(key, row);
    this.#list.append(row.element);
    return row;
  }
}

/**
 * Resolves once requests pass the service worker.
 * @param {ServiceWorkerContainer} workers
 */
async function control(workers) {
  await workers.register('service-worker.js');
  const { active } = await workers.ready;
  const controlled = new Promise((resolve) => workers.addEventListener('controllerchange', resolve, { once: true }));
  active?.postMessage('claim');
  await controlled;
}
