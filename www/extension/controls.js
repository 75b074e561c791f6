// Controls that show settings and change them, at once. A control's name is that of its setting.

import './settings.js';
import './labels.js';

export async function bindControls() {
  const show = (settings) => {
    for (const control of controls()) {
      const value = settings[control.name];
      if (control.type === 'checkbox') control.checked = value;
      else if (control.type === 'radio') control.checked = control.value === value;
      else if (control !== document.activeElement) control.value = value;
      measure(control);
    }
  };
  show(await Settings.read());
  Settings.watch(show);
  for (const control of controls()) {
    control.addEventListener('input', () => measure(control));
    control.addEventListener('change', () => control.checkValidity() && Settings.change({ [control.name]: valueOf(control) }));
  }
}

function controls() {
  return [...document.querySelectorAll('input[name], select[name]')].filter(({ name }) => name in Settings.defaults);
}

function valueOf({ type, checked, value, valueAsNumber }) {
  if (type === 'checkbox') return checked;
  return type === 'range' || type === 'number' ? valueAsNumber : value;
}

/** Says what a slider stands at. */
function measure(control) {
  if (control.type !== 'range') return;
  const words = control.valueAsNumber < 1 ? Labels.percent(control.valueAsNumber) : chrome.i18n.getMessage('never');
  control.setAttribute('aria-valuetext', words);
  document.querySelector(`output[for=${control.id}]`).textContent = words;
}
