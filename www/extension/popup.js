import { bindControls } from './controls.js';
import { megabytes, percent, translate, translatePage } from './i18n.js';
import { allowSite, readSettings, watchSettings } from './settings.js';

/** @returns {any} */
const byId = (id) => document.getElementById(id);

translatePage();
await bindControls();

const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
const url = URL.parse(tab?.url ?? '');
if (/^(https?|file):$/.test(url?.protocol)) await bindSite(url.hostname);

// Opens the model's document even before any image was checked.
await chrome.runtime.sendMessage({ method: 'openModel' });
const port = chrome.runtime.connect({ name: 'popup' });
port.onMessage.addListener(show);
port.postMessage({ tab: tab?.id });

byId('delete-weights').addEventListener('click', () => port.postMessage({ deleteWeights: true }));

async function bindSite(site) {
  const check = byId('check-site');
  byId('site').textContent = site;
  check.disabled = false;
  const show = ({ sites }) => (check.checked = !sites.includes(site));
  show(await readSettings());
  watchSettings(show);
  check.addEventListener('change', () => allowSite(site, !check.checked));
}

async function show({ model, report }) {
  for (const name of ['checked', 'warned', 'wordless', 'failed', 'waiting']) byId(name).textContent = report[name];
  byId('recent').replaceChildren(...report.recent.map(recentRow));
  const { state, info, device, error, progress } = model;
  byId('model').className = error ? 'error' : '';
  byId('model').textContent = {
    idle: () => translate('modelIdle'),
    loading: () => translate('modelLoading'),
    ready: () => translate('modelReady', `${info.name}, ${info.dtype}`, device),
    failed: () => translate('modelFailed', error.message),
  }[state]();
  byId('progress').hidden = state !== 'loading';
  if (progress) Object.assign(byId('progress'), { max: progress.total, value: progress.loaded });
  const { usage } = await navigator.storage.estimate();
  byId('storage').textContent = translate('storage', megabytes(usage));
}

function recentRow({ address, hate, outside, wordless }) {
  const [row, name, result] = ['li', 'span', 'span'].map((tag) => document.createElement(tag));
  row.className = 'row';
  name.textContent = fileName(address);
  name.title = address;
  const unjudged = () => (wordless ? translate('noWords') : translate('unchecked'));
  const judged = () => (outside ? translate('outside') : translate('recentHate', percent(hate)));
  result.textContent = hate === undefined ? unjudged() : judged();
  row.append(name, result);
  return row;
}

/** The part of an address that people recognise. */
function fileName(address) {
  const url = URL.parse(address);
  return /^https?:$/.test(url?.protocol) ? (url.pathname.split('/').findLast(Boolean) ?? url.host) : translate('embeddedImage');
}
