// The user's settings, in the browser's storage for extensions.

/**
 * @typedef {object} Correction The user's own verdict on an image.
 * @property {boolean} hate
 * @property {number} probability What the model said.
 * @property {string} address
 * @property {number} time Milliseconds since 1970.
 */

/** The settings, with their default values. */
export const DEFAULTS = {
  on: true,
  /**
   * Hosts on which nothing is checked.
   * @type {string[]}
   */
  sites: [],
  /** By task: images with at least this probability get a warning (see `WARNINGS` in labels.js); 1 is never. */
  hate: 0.5,
  target: 1,
  stance: 1,
  humor: 1,
  /**
   * How a warning looks.
   * @type {'cover' | 'border' | 'label'}
   */
  style: 'cover',
  /** Seconds for which an image is covered while it is checked; 0 is not at all. */
  coverFirst: 0,
  /** Whether images that could not be checked get a label. */
  labelUnchecked: false,
  /** Pixels. Images whose shorter displayed side is smaller are icons or avatars and are not checked. */
  minimum: 120,
  /** Whether images are judged in which no words are found. */
  wordless: false,
  /** URL of the pack; empty for the built-in one. */
  pack: '',
  /** Idle minutes after which the model's memory is freed. */
  unload: 3,
  /**
   * By the SHA-256 of the image file.
   * @type {Record<string, Correction>}
   */
  corrections: {},
};

/** @typedef {typeof DEFAULTS} Settings */

/** @returns {Promise<Settings>} */
export function readSettings() {
  return chrome.storage.local.get(DEFAULTS);
}

/** @param {Partial<Settings>} values */
export function changeSettings(values) {
  return chrome.storage.local.set(values);
}

/**
 * Calls the listener with the settings and the names of those that changed, after each change.
 * @param {(settings: Settings, changed: string[]) => void} listener
 */
export function watchSettings(listener) {
  chrome.storage.local.onChanged.addListener(async (changes) => listener(await readSettings(), Object.keys(changes)));
}

/**
 * Adds a host to the list of those that are not checked, or removes it.
 * @param {string} site
 * @param {boolean} allowed
 */
export async function allowSite(site, allowed) {
  const others = (await readSettings()).sites.filter((other) => other !== site);
  await changeSettings({ sites: allowed ? [...others, site].sort() : others });
}

/**
 * Stores the user's own verdict on an image.
 * @param {string} hash
 * @param {Omit<Correction, 'time'>} correction
 */
export async function addCorrection(hash, correction) {
  const { corrections } = await readSettings();
  await changeSettings({ corrections: { ...corrections, [hash]: { ...correction, time: Date.now() } } });
}
