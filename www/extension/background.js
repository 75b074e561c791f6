// What only the background page may do; others ask for it by message. In Firefox the model runs in the background page
// itself, which calls these methods directly.

/** @import { Report } from './report.js' */

const OFFSCREEN = 'offscreen.html';
let creating = null;

export const methods = {
  /** Opens the model's document, if it is not open. Firefox has none. */
  async openModel() {
    if (!chrome.offscreen) return;
    if ((await chrome.runtime.getContexts({ contextTypes: ['OFFSCREEN_DOCUMENT'] })).length > 0) return;
    creating ??= chrome.offscreen
      .createDocument({ url: OFFSCREEN, reasons: ['WORKERS'], justification: chrome.i18n.getMessage('offscreenReason') })
      .finally(() => (creating = null));
    await creating;
  },

  /**
   * Shows on the toolbar how many images of a tab have a warning, or that some could not be checked.
   * @param {{ tab: number, report: Report }} message
   */
  async badge({ tab: tabId, report: { warned, failed } }) {
    const text = warned > 0 ? String(warned) : failed > 0 ? '?' : '';
    try {
      await chrome.action.setBadgeBackgroundColor({ tabId, color: warned > 0 ? '#a3321f' : '#635d54' });
      await chrome.action.setBadgeTextColor({ tabId, color: '#ffffff' });
      await chrome.action.setBadgeText({ tabId, text });
    } catch {
      // The tab is closed.
    }
  },

  /** The host of the tab that a frame is in. */
  async site(_, { tab }) {
    return new URL(tab.url).hostname;
  },

  /**
   * Sets the referrer of the extension's own requests for one image.
   * @param {{ id: number, address: string, origin?: string }} message `id` is a number for this image; without `origin` the
   *   rule is removed.
   */
  async setReferrer({ id, address, origin }) {
    /** @type {chrome.declarativeNetRequest.Rule} */
    const rule = {
      id,
      condition: { urlFilter: `|${address}|`, initiatorDomains: [location.hostname], resourceTypes: ['xmlhttprequest'] },
      action: { type: 'modifyHeaders', requestHeaders: [{ header: 'referer', operation: 'set', value: `${origin}/` }] },
    };
    await chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds: [id], addRules: origin ? [rule] : [] });
  },
};

/** Calls one of the methods from any extension page. */
export function call(message) {
  return chrome.action ? methods[message.method](message) : chrome.runtime.sendMessage(message);
}
