// Where the model lives, once for all tabs. Pages ask for verdicts and say how far they are; popups are told. An offscreen
// document cannot read the settings: requests bring along what is needed of them.

import { call } from './background.js';
import { Verdicts } from './verdicts.js';

/** Pictures that a popup lists. */
const RECENT = 3;
/** What each frame has last said of itself, by its port. */
const frames = new Map();
/** Tabs that popups are about, by port. */
const popups = new Map();

const verdicts = new Verdicts(() => tell(popups.keys()));

chrome.runtime.onConnect.addListener((port) => (port.name === 'popup' ? servePopup(port) : serveFrame(port)));

function serveFrame(port) {
  const tab = port.sender.tab.id;
  port.onMessage.addListener(async ({ id, page, ...request }) => {
    if (page) {
      frames.set(port, page);
      return changed(tab);
    }
    const answer = await verdicts.of({ ...request, origin: port.sender.origin }).then(
      (verdict) => ({ id, verdict }),
      ({ code = 'internal', message }) => ({ id, error: { code, message } }),
    );
    if (open.has(port)) port.postMessage(answer);
  });
  open.add(port);
  port.onDisconnect.addListener(() => {
    open.delete(port);
    frames.delete(port);
    changed(tab);
  });
}
const open = new Set();

function servePopup(port) {
  port.onMessage.addListener(async ({ tab, forget }) => {
    if (forget) {
      verdicts.unload();
      for (const name of await caches.keys()) await caches.delete(name);
    } else popups.set(port, tab);
    tell([port]);
  });
  port.onDisconnect.addListener(() => popups.delete(port));
}

function changed(tab) {
  call({ method: 'badge', tab, page: pageOf(tab) });
  tell([...popups.keys()].filter((port) => popups.get(port) === tab));
}

function tell(ports) {
  for (const port of ports) port.postMessage({ model: verdicts.model, page: pageOf(popups.get(port)) });
}

/** All frames of a tab together. */
function pageOf(tab) {
  const sum = { checked: 0, warned: 0, failed: 0, waiting: 0, recent: [] };
  for (const [port, page] of frames) {
    if (port.sender.tab.id !== tab) continue;
    for (const name of ['checked', 'warned', 'failed', 'waiting']) sum[name] += page[name];
    sum.recent.push(...page.recent);
  }
  sum.recent = sum.recent.sort((a, b) => b.time - a.time).slice(0, RECENT);
  return sum;
}
