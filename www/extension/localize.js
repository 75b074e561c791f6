/** Puts the user's language into a page: `data-say` names what an element says, `data-label` what it is called. */
export function localize() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  for (const element of document.querySelectorAll('[data-say]')) {
    element.textContent = chrome.i18n.getMessage(element.dataset.say);
  }
  for (const element of document.querySelectorAll('[data-label]')) {
    element.ariaLabel = chrome.i18n.getMessage(element.dataset.label);
  }
}
