// The content script: one for each frame of a page.

import { readSettings, watchSettings } from '../settings.js';
import { Page } from './page.js';

async function main() {
  const site = window === top ? location.hostname : await chrome.runtime.sendMessage({ method: 'site' });
  const page = new Page(await readSettings(), site);
  watchSettings((settings, changed) => page.apply(settings, changed));
  chrome.runtime.onMessage.addListener(({ method }) => {
    if (method === 'check') page.check();
    if (method === 'wrong') page.wrong();
  });
}

main();
