// What only the background page may do, for those who ask by message. In Firefox the model lives in this page too, and
// calls these methods itself.

const OFFSCREEN = 'offscreen.html';
let creating = null;

export const methods = {
  /** Makes sure that the model has its document; Firefox has none. */
  async wake() {
    if (!chrome.offscreen) return;
    if ((await chrome.runtime.getContexts({ contextTypes: ['OFFSCREEN_DOCUMENT'] })).length > 0) return;
    creating ??= chrome.offscreen
      .createDocument({ url: OFFSCREEN, reasons: ['WORKERS'], justification: chrome.i18n.getMessage('offscreenReason') })
      .finally(() => (creating = null));
    await creating;
  },

  /** Shows on the toolbar how many pictures of a tab have a warning, or that some could not be checked. */
  async badge({ tab: tabId, page: { warned, failed } }) {
    const text = warned > 0 ? String(warned) : failed > 0 ? '?' : '';
    try {
      await chrome.action.setBadgeBackgroundColor({ tabId, color: warned > 0 ? '#a3321f' : '#635d54' });
      await chrome.action.setBadgeTextColor({ tabId, color: '#ffffff' });
      await chrome.action.setBadgeText({ tabId, text });
    } catch {
      // The tab is closed.
    }
  },

  /** The site of the tab that a frame is in. */
  site: async (_, { tab }) => new URL(tab.url).hostname,

  /**
   * From now on requests of the extension, no others, for the picture at `address` say that it is shown on the site `origin`;
   * without `origin`, no longer. `id`: a number for this picture.
   */
  refer({ id, address, origin }) {
    const rule = {
      id,
      condition: { urlFilter: `|${address}|`, initiatorDomains: [location.hostname], resourceTypes: ['xmlhttprequest'] },
      action: { type: 'modifyHeaders', requestHeaders: [{ header: 'referer', operation: 'set', value: `${origin}/` }] },
    };
    return chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds: [id], addRules: origin ? [rule] : [] });
  },
};

/** Calls one of the methods from wherever it is needed. */
export const call = (message) => (chrome.action ? methods[message.method](message) : chrome.runtime.sendMessage(message));
