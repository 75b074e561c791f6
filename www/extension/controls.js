// Form controls that show settings and change them at once. A control's name is that of its setting.

import { percent, translate } from './i18n.js';
import { changeSettings, DEFAULTS, readSettings, watchSettings } from './settings.js';

export async function bindControls() {
  const show = (settings) => {
    for (const control of controls()) {
      const value = settings[control.name];
      if (control.type === 'checkbox') control.checked = value;
      else if (control.type === 'radio') control.checked = control.value === value;
      else if (control !== document.activeElement) control.value = value;
      showValue(control);
    }
  };
  show(await readSettings());
  watchSettings(show);
  for (const control of controls()) {
    control.addEventListener('input', () => showValue(control));
    control.addEventListener('change', () => control.checkValidity() && changeSettings({ [control.name]: valueOf(control) }));
  }
}

function controls() {
  /** @type {NodeListOf<HTMLInputElement>} */
  const named = document.querySelectorAll('input[name], select[name]');
  return [...named].filter(({ name }) => name in DEFAULTS);
}

function valueOf({ type, checked, value, valueAsNumber }) {
  if (type === 'checkbox') return checked;
  return type === 'range' || type === 'number' ? valueAsNumber : value;
}

/** Shows a slider's value as text. */
function showValue(control) {
  if (control.type !== 'range') return;
  const text = control.valueAsNumber < 1 ? percent(control.valueAsNumber) : translate('never');
  control.ariaValueText = text;
  document.querySelector(`output[for=${control.id}]`).textContent = text;
}
