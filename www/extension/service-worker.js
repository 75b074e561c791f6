// Passes messages on. It keeps no state: the browser stops and starts it at any time.

import { methods } from './background.js';

chrome.runtime.onMessage.addListener((message, sender, respond) => {
  methods[message.method](message, sender).then(respond, (error) => respond({ error: error.message }));
  return true;
});

chrome.runtime.onInstalled.addListener(async () => {
  /** @type {[`${chrome.contextMenus.ContextType}`, ...`${chrome.contextMenus.ContextType}`[]]} */
  const contexts = ['image', 'link', 'page'];
  await chrome.contextMenus.removeAll();
  chrome.contextMenus.create({ id: 'check', contexts, title: chrome.i18n.getMessage('menuCheck') });
  chrome.contextMenus.create({ id: 'wrong', contexts, title: chrome.i18n.getMessage('menuWrong') });
  // Open pages need no reload.
  const [{ js }] = chrome.runtime.getManifest().content_scripts;
  for (const { id } of await chrome.tabs.query({ url: ['http://*/*', 'https://*/*'] })) {
    chrome.scripting.executeScript({ target: { tabId: id, allFrames: true }, files: js }).catch(() => {});
  }
});

chrome.contextMenus.onClicked.addListener(({ menuItemId, frameId }, { id }) => {
  chrome.tabs.sendMessage(id, { method: menuItemId }, { frameId }).catch(() => {});
});
