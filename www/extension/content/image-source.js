// Which image an element shows.

/**
 * The address of the element's image, or null: the one that the browser chose for an `img`, else that of the background.
 * @param {Element} element
 */
export function imageAddress(element) {
  if (element instanceof HTMLImageElement) return (element.naturalWidth > 0 && element.currentSrc) || null;
  return backgroundAddress(element);
}

/** @param {Element} element */
export function backgroundAddress(element) {
  const style = getComputedStyle(element).backgroundImage;
  const address = /url\("((?:[^"\\]|\\.)*)"\)/.exec(style)?.[1].replace(/\\(.)/g, '$1');
  return address && /^(https?|data|blob):/.test(address) ? address : null;
}

/**
 * An address that the extension can read: a `blob:` URL, which only the page can read, becomes a `data:` URL.
 * @param {string} address
 * @param {Element} element An element that shows the image.
 * @returns {Promise<string>}
 */
export async function portableAddress(address, element) {
  if (!address.startsWith('blob:')) return address;
  const blob = await readBlob(address, /** @type {HTMLImageElement} */ (element));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/**
 * @param {string} address
 * @param {HTMLImageElement} element
 */
async function readBlob(address, element) {
  try {
    return await (await fetch(address)).blob();
  } catch {
    // Pages often revoke the URL once the image is loaded. It is of their own origin, so a canvas can read the image.
    const canvas = new OffscreenCanvas(element.naturalWidth, element.naturalHeight);
    canvas.getContext('2d').drawImage(element, 0, 0);
    return canvas.convertToBlob();
  }
}
