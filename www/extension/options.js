import { bindControls } from './controls.js';
import { megabytes, percent, translate, translatePage } from './i18n.js';
import { MemeClip } from './memeclip/memeclip.js';
import { allowSite, changeSettings, readSettings, watchSettings } from './settings.js';

/** @returns {any} */
const byId = (id) => document.getElementById(id);

translatePage();
await bindControls();
const settings = await readSettings();
show(settings);
watchSettings(show);
byId('pack').value = settings.pack;

function show({ sites, corrections }) {
  byId('sites').replaceChildren(...sites.map((site) => row(site, translate('siteRemove'), () => allowSite(site, false))));
  const entries = Object.entries(corrections).sort(([, a], [, b]) => b.time - a.time);
  byId('corrections').replaceChildren(
    ...entries.map(([hash, { hate, probability, address }]) => {
      const text = translate(hate ? 'correctionHate' : 'correctionNoHate', percent(probability), address);
      return row(text, translate('correctionRemove'), () => removeCorrection(hash));
    }),
  );
  for (const id of ['export', 'delete']) byId(id).disabled = entries.length === 0;
}

function row(text, action, onClick) {
  const [item, name, button] = [document.createElement('li'), document.createElement('span'), document.createElement('button')];
  item.className = 'row';
  name.textContent = text;
  button.type = 'button';
  button.textContent = action;
  button.ariaLabel = `${action}: ${text}`;
  button.addEventListener('click', onClick);
  item.append(name, button);
  return item;
}

async function removeCorrection(hash) {
  const { [hash]: _, ...corrections } = (await readSettings()).corrections;
  await changeSettings({ corrections });
}

byId('add-site').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = byId('site').value.trim();
  // The user may enter a URL instead of a host.
  const site = (URL.parse(text) ?? URL.parse(`https://${text}`))?.hostname;
  byId('site').setCustomValidity(site ? '' : translate('siteInvalid'));
  if (!byId('site').reportValidity()) return;
  await allowSite(site, true);
  byId('site').value = '';
});
byId('site').addEventListener('input', () => byId('site').setCustomValidity(''));

byId('use-pack').addEventListener('submit', async (event) => {
  event.preventDefault();
  const pack = byId('pack').value;
  const state = byId('pack-state');
  state.className = '';
  state.textContent = translate('packChecking');
  try {
    const classifier = await MemeClip.load(pack || new URL('weights/', import.meta.url));
    const { name, dtype, bytes } = classifier.info;
    classifier.dispose();
    await changeSettings({ pack });
    state.textContent = translate('packUsed', `${name}, ${dtype}`, megabytes(bytes));
  } catch (error) {
    state.className = 'error';
    state.textContent = translate('packRefused', error.message, error.code);
  }
});

byId('export').addEventListener('click', async () => {
  const { corrections } = await readSettings();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(corrections, null, 2)], { type: 'application/json' }));
  link.download = 'memeclip-corrections.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

byId('delete').addEventListener('click', () => confirm(translate('correctionsConfirm')) && changeSettings({ corrections: {} }));
