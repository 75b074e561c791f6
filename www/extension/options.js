import './settings.js';
import './labels.js';
import { bindControls } from './controls.js';
import { localize } from './localize.js';
import { MemeClip } from './memeclip/memeclip.js';

const part = (id) => document.getElementById(id);
const say = (key, ...words) => chrome.i18n.getMessage(key, words);

localize();
await bindControls();
const settings = await Settings.read();
show(settings);
Settings.watch(show);
part('pack').value = settings.pack;

function show({ sites, corrections }) {
  part('sites').replaceChildren(...sites.map((site) => row(site, say('siteRemove'), () => Settings.allow(site, false))));
  const entries = Object.entries(corrections).sort(([, a], [, b]) => b.time - a.time);
  part('corrections').replaceChildren(
    ...entries.map(([hash, { hate, probability, address }]) => {
      const words = say(hate ? 'correctionHate' : 'correctionNoHate', Labels.percent(probability), address);
      return row(words, say('correctionRemove'), () => remove(hash));
    }),
  );
  for (const id of ['export', 'delete']) part(id).disabled = entries.length === 0;
}

function row(words, action, press) {
  const [item, name, button] = ['li', 'span', 'button'].map((kind) => document.createElement(kind));
  item.className = 'row';
  name.textContent = words;
  button.type = 'button';
  button.textContent = action;
  button.ariaLabel = `${action}: ${words}`;
  button.addEventListener('click', press);
  item.append(name, button);
  return item;
}

async function remove(hash) {
  const { [hash]: _, ...corrections } = (await Settings.read()).corrections;
  await Settings.change({ corrections });
}

part('add-site').addEventListener('submit', async (event) => {
  event.preventDefault();
  const words = part('site').value.trim();
  // An address is as good as the name of its host.
  const site = (URL.parse(words) ?? URL.parse(`https://${words}`))?.hostname;
  part('site').setCustomValidity(site ? '' : say('siteUnknown'));
  if (!part('site').reportValidity()) return;
  await Settings.allow(site, true);
  part('site').value = '';
});
part('site').addEventListener('input', () => part('site').setCustomValidity(''));

part('use-pack').addEventListener('submit', async (event) => {
  event.preventDefault();
  const pack = part('pack').value;
  const state = part('pack-state');
  state.className = '';
  state.textContent = say('packChecking');
  try {
    const clf = await MemeClip.load(pack || new URL('weights/', import.meta.url));
    const { name, dtype, bytes } = clf.info;
    clf.dispose();
    await Settings.change({ pack });
    state.textContent = say('packUsed', `${name}, ${dtype}`, (bytes / 1e6).toLocaleString(undefined, { maximumFractionDigits: 1 }));
  } catch (error) {
    state.className = 'error';
    state.textContent = say('packRefused', error.message, error.code);
  }
});

part('export').addEventListener('click', async () => {
  const { corrections } = await Settings.read();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(corrections, null, 2)], { type: 'application/json' }));
  link.download = 'memeclip-corrections.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

part('delete').addEventListener('click', () => confirm(say('correctionsSure')) && Settings.change({ corrections: {} }));
