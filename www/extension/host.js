// The document that runs the model, once for all tabs. Frames ask for verdicts and send reports; popups get them. An
// offscreen document cannot read the settings, so requests bring those they need.

import { call } from './background.js';
import { combine } from './report.js';
import { Verdicts } from './verdicts.js';

/** @import { Report } from './report.js' */

/** @type {Set<chrome.runtime.Port>} */
const openPorts = new Set();
/**
 * The last report of each frame, by port.
 * @type {Map<chrome.runtime.Port, Report>}
 */
const reports = new Map();
/**
 * The tab that each popup is about, by port.
 * @type {Map<chrome.runtime.Port, number>}
 */
const popups = new Map();

const verdicts = new Verdicts(() => updatePopups(popups.keys()));

chrome.runtime.onConnect.addListener((port) => (port.name === 'popup' ? servePopup(port) : serveFrame(port)));

function serveFrame(port) {
  const tab = port.sender.tab.id;
  port.onMessage.addListener(async ({ id, report, address, pack, unload, noWords }) => {
    if (report) {
      reports.set(port, report);
      return tabChanged(tab);
    }
    const answer = await verdicts.get({ address, pack, unload, noWords, origin: port.sender.origin }).then(
      (verdict) => ({ id, verdict }),
      ({ code = 'internal', message }) => ({ id, error: { code, message } }),
    );
    if (openPorts.has(port)) port.postMessage(answer);
  });
  openPorts.add(port);
  port.onDisconnect.addListener(() => {
    openPorts.delete(port);
    reports.delete(port);
    tabChanged(tab);
  });
}

function servePopup(port) {
  port.onMessage.addListener(async ({ tab, deleteWeights }) => {
    if (deleteWeights) {
      verdicts.unload();
      for (const name of await caches.keys()) await caches.delete(name);
    } else popups.set(port, tab);
    updatePopups([port]);
  });
  port.onDisconnect.addListener(() => popups.delete(port));
}

function tabChanged(tab) {
  call({ method: 'badge', tab, report: tabReport(tab) });
  updatePopups([...popups.keys()].filter((port) => popups.get(port) === tab));
}

function updatePopups(ports) {
  for (const port of ports) port.postMessage({ model: verdicts.model, report: tabReport(popups.get(port)) });
}

/** @param {number} tab */
function tabReport(tab) {
  return combine([...reports].filter(([port]) => port.sender.tab.id === tab).map(([, report]) => report));
}
