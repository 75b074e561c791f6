// All that a visit to a page leaves behind where others could look, as lines that can be compared with another visit's.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, netLog } from './harness.js';

/**
 * Records a visit to `site`, in a browser of its own. `use(browser)` makes it and gives the page at its end. Of `serve` the
 * record has what the server has seen; of the browser what it did in the network, and what it keeps for the site; of the page
 * what `watch` saw of it, if that was called.
 */
export async function record(site, use) {
  const folder = mkdtempSync(join(tmpdir(), 'memeclip-'));
  const log = join(folder, 'net.json');
  const browser = await launch({ log });
  site.requests.length = 0;
  try {
    const page = await use(browser);
    const lines = [...(await page.evaluate(kept)), ...(await page.evaluate(() => globalThis.watched?.() ?? []))];
    for (const { name, value } of await page.context().cookies()) lines.push(`cookie ${name}=${value}`);
    await browser.close();
    return [...lines, ...site.requests.map(asked), ...network(netLog(log))].sort();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The lines that one of the records has and the other has not, or not as often. */
export function difference(a, b) {
  const counts = new Map();
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of b) counts.set(line, (counts.get(line) ?? 0) - 1);
  return [...counts.keys()].filter((line) => counts.get(line) !== 0);
}

function asked({ method, url, headers, body }) {
  return `server ${method} ${url} ${JSON.stringify(headers)} ${body}`;
}

/** Requests, and whom else was looked up or spoken to; but not what Chromium itself asks its makers. */
function network(events) {
  const own = /^network [\w-]+ (GET |POST |pm\/)*(https?:\/\/)?([\w-]+\.)*google(apis)?\.com\b/;
  const requests = [];
  const reached = new Set();
  for (const { event, method, url, initiator, host, hostname, group_id, address } of events) {
    if (event === 'URL_REQUEST_START_JOB' && url) {
      const line = `network request ${method} ${url}`;
      if (initiator !== 'not an origin' || !own.test(line)) requests.push(line);
    }
    if (/^(HOST_RESOLVER_MANAGER_REQUEST|DNS_TRANSACTION)$/.test(event) && (host ?? hostname)) reached.add(`network look-up ${host ?? hostname}`);
    if (/^TCP_CLIENT_SOCKET_POOL_REQUESTED_SOCKETS?$/.test(event)) reached.add(`network connection ${group_id}`);
    if (event === 'UDP_BYTES_SENT' && address) reached.add(`network datagram ${address}`);
  }
  return [...requests, ...[...reached].filter((line) => !own.test(line))];
}

/** Runs in the page: what the browser keeps for its site. */
async function kept() {
  const lines = [];
  const digest = async (body) => {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await body.arrayBuffer()));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  };
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      const headers = [...request.headers, ...response.headers].filter(([name]) => name !== 'date');
      lines.push(`cache '${name}' ${request.method} ${request.url} ${JSON.stringify(headers)} ${await digest(response)}`);
    }
  }
  for (const storage of ['localStorage', 'sessionStorage']) {
    for (const [key, value] of Object.entries(globalThis[storage])) lines.push(`${storage} ${key}=${value}`);
  }
  const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
  for (const { name, version } of await indexedDB.databases()) {
    lines.push(`indexedDB '${name}' ${version}`);
    const database = await done(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const values = database.transaction(store).objectStore(store);
      const [keys, all] = [await done(values.getAllKeys()), await done(values.getAll())];
      lines.push(`indexedDB '${name}' ${store} ${JSON.stringify([keys, all])}`);
    }
    database.close();
  }
  const walk = async (folder, path) => {
    for await (const [name, entry] of folder) {
      if (entry.kind === 'directory') await walk(entry, `${path}${name}/`);
      lines.push(`file ${path}${name} ${entry.kind === 'file' ? await digest(await entry.getFile()) : ''}`);
    }
  };
  await walk(await navigator.storage.getDirectory(), '/');
  for (const { active, scope } of await navigator.serviceWorker.getRegistrations()) lines.push(`service worker ${active?.scriptURL} ${scope}`);
  return lines;
}

/** Runs in a page of which nothing may change from now on: what did change is in the record. */
export function watch() {
  const lines = [];
  const shown = (node) => node?.outerHTML ?? node?.textContent ?? '';
  const note = (changes) => {
    for (const { type, target, attributeName, addedNodes, removedNodes } of changes) {
      const nodes = [...addedNodes, ...removedNodes].map(shown).join();
      lines.push(`page ${type} ${attributeName ?? ''} ${shown(target)} ${nodes}`);
    }
  };
  const observer = new MutationObserver(note);
  observer.observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
  const state = () => ({
    address: location.href,
    visits: history.length,
    state: JSON.stringify(history.state),
    name: window.name,
    title: document.title,
    cookie: document.cookie,
    sheets: document.adoptedStyleSheets.length,
    focus: shown(document.activeElement),
    globals: Object.getOwnPropertyNames(window).join(),
  });
  // The one name that is made at random.
  const tell = (name) => lines.push(`channel ${name.replace(/^memeclip 0\.\d+(e-\d+)?$/, 'memeclip <random>')}`);
  const Channel = BroadcastChannel;
  globalThis.BroadcastChannel = class extends Channel {
    constructor(name) {
      super(name);
      tell(name);
    }
  };
  globalThis.watched = () => {
    note(observer.takeRecords());
    const after = state();
    for (const name in before) if (after[name] !== before[name]) lines.push(`page ${name} ${after[name]}`);
    return lines;
  };
  const before = state();
}
