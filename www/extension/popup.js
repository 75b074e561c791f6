import './settings.js';
import './labels.js';
import { bindControls } from './controls.js';
import { localize } from './localize.js';

const part = (id) => document.getElementById(id);
const say = (key, ...words) => chrome.i18n.getMessage(key, words);

localize();
await bindControls();

const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
const address = URL.parse(tab?.url ?? '');
if (/^(https?|file):$/.test(address?.protocol)) await bindSite(address.hostname);

// The model has its place even where no picture has been asked about.
await chrome.runtime.sendMessage({ method: 'wake' });
const port = chrome.runtime.connect({ name: 'popup' });
port.onMessage.addListener(show);
port.postMessage({ tab: tab?.id });

part('forget').addEventListener('click', () => port.postMessage({ forget: true }));

async function bindSite(site) {
  const here = part('here');
  part('site').textContent = site;
  here.disabled = false;
  const show = ({ sites }) => (here.checked = !sites.includes(site));
  show(await Settings.read());
  Settings.watch(show);
  here.addEventListener('change', () => Settings.allow(site, !here.checked));
}

async function show({ model, page }) {
  for (const name of ['checked', 'warned', 'failed', 'waiting']) part(name).textContent = page[name];
  part('recent').replaceChildren(...page.recent.map(recent));
  const { state, info, device, error, progress } = model;
  part('model').className = error ? 'error' : '';
  part('model').textContent = {
    idle: () => say('modelIdle'),
    loading: () => say('modelLoading'),
    ready: () => say('modelReady', `${info.name}, ${info.dtype}`, device),
    failed: () => say('modelFailed', error.message),
  }[state]();
  part('progress').hidden = state !== 'loading';
  if (progress) Object.assign(part('progress'), { max: progress.total, value: progress.loaded });
  const { usage } = await navigator.storage.estimate();
  part('storage').textContent = say('storage', (usage / 1e6).toLocaleString(undefined, { maximumFractionDigits: 1 }));
}

function recent({ address, hate }) {
  const [row, name, result] = ['li', 'span', 'span'].map((kind) => document.createElement(kind));
  row.className = 'row';
  name.textContent = nameOf(address);
  name.title = address;
  result.textContent = hate === undefined ? say('unchecked') : say('recentHate', Labels.percent(hate));
  row.append(name, result);
  return row;
}

/** What people may recognise of an address. */
function nameOf(address) {
  const url = URL.parse(address);
  return /^https?:$/.test(url?.protocol) ? url.pathname.split('/').findLast(Boolean) ?? url.host : say('pageData');
}
