/**
 * A message of `_locales` in the user's language.
 * @param {string} key
 * @param {...string} substitutions
 */
export function translate(key, ...substitutions) {
  return chrome.i18n.getMessage(key, substitutions);
}

/** Translates an extension page: `data-i18n` names the message for an element's text, `data-i18n-label` for its accessible name. */
export function translatePage() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  for (const element of elements('[data-i18n]')) element.textContent = translate(element.dataset.i18n);
  for (const element of elements('[data-i18n-label]')) element.ariaLabel = translate(element.dataset.i18nLabel);
}

/** @returns {NodeListOf<HTMLElement>} */
const elements = (selector) => document.querySelectorAll(selector);

/**
 * A probability, such as “83%”. Never 0 % or 100 %: the model is never certain.
 * @param {number} probability
 */
export function percent(probability) {
  const number = new Intl.NumberFormat(chrome.i18n.getUILanguage(), { style: 'percent' });
  if (probability < 0.005) return `<\u00a0${number.format(0.01)}`;
  if (probability > 0.995) return `>\u00a0${number.format(0.99)}`;
  return number.format(probability);
}

/**
 * Megabytes, such as “1.5”.
 * @param {number} bytes
 */
export function megabytes(bytes) {
  return (bytes / 1e6).toLocaleString(chrome.i18n.getUILanguage(), { maximumFractionDigits: 1 });
}
