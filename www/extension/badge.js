/** Shows on the toolbar how many pictures of a tab have a warning, or that some could not be checked. */
export async function badge(tabId, { warned, failed }) {
  const text = warned > 0 ? String(warned) : failed > 0 ? '?' : '';
  try {
    await chrome.action.setBadgeBackgroundColor({ tabId, color: warned > 0 ? '#a3321f' : '#635d54' });
    await chrome.action.setBadgeTextColor({ tabId, color: '#ffffff' });
    await chrome.action.setBadgeText({ tabId, text });
  } catch {
    // The tab is closed.
  }
}
