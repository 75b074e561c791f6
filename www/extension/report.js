// What the popup and the toolbar show of a frame or a tab.

/**
 * @typedef {object} Report Numbers of images, and those that were checked last.
 * @property {number} checked
 * @property {number} warned
 * @property {number} wordless Those in which no words were found: they were not judged.
 * @property {number} failed
 * @property {number} waiting
 * @property {RecentImage[]} recent
 */

/**
 * @typedef {object} RecentImage
 * @property {string} address
 * @property {number | undefined} hate Its probability; undefined if the image was not judged.
 * @property {boolean} outside Whether it is outside what the pack knows of hate.
 * @property {boolean} wordless Whether no words were found in it.
 * @property {number} time Milliseconds since 1970.
 */

/** Images that a report lists. */
const RECENT = 3;

/**
 * The images that were checked last.
 * @template {{ time?: number }} Image
 * @param {Image[]} images
 */
export function mostRecent(images) {
  return images.toSorted((a, b) => b.time - a.time).slice(0, RECENT);
}

/**
 * The reports of a tab's frames as one.
 * @param {Report[]} reports
 * @returns {Report}
 */
export function combine(reports) {
  const sum = (name) => reports.reduce((total, report) => total + report[name], 0);
  return {
    checked: sum('checked'),
    warned: sum('warned'),
    wordless: sum('wordless'),
    failed: sum('failed'),
    waiting: sum('waiting'),
    recent: mostRecent(reports.flatMap(({ recent }) => recent)),
  };
}
