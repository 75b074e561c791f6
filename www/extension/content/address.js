// Which picture an element shows. The files in this folder are classic scripts that share one scope: content scripts
// cannot be modules.

/** The address of the element's picture, or null: an image's as the browser chose it, or the background's. */
function addressOf(element) {
  if (element.localName === 'img') return (element.naturalWidth > 0 && element.currentSrc) || null;
  return backgroundOf(element);
}

function backgroundOf(element) {
  const style = getComputedStyle(element).backgroundImage;
  const address = /url\("((?:[^"\\]|\\.)*)"\)/.exec(style)?.[1].replace(/\\(.)/g, '$1');
  return address && /^(https?|data|blob):/.test(address) ? address : null;
}

/** An address that means the same outside of the page: what only the page can read comes along as data. */
async function portable(address, element) {
  if (!address.startsWith('blob:')) return address;
  let blob;
  try {
    blob = await (await fetch(address)).blob();
  } catch {
    // Pages often revoke the address once the picture is there; it is of their own origin, so it can be read back.
    const canvas = new OffscreenCanvas(element.naturalWidth, element.naturalHeight);
    canvas.getContext('2d').drawImage(element, 0, 0);
    blob = await canvas.convertToBlob();
  }
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
