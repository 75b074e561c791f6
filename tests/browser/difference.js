// When two images look the same. Without imports: pages load it too.

/** The share of pixels that may look different: at the edge of what is missing, decoders differ by a row. */
export const EDGE = 0.03;

/** @typedef {{ width: number, height: number, data: Uint8Array | Uint8ClampedArray }} Pixels RGBA. */

/**
 * The share of pixels that look different on a page of one of these brightnesses; 1 if the sizes differ.
 * @param {Pixels} a
 * @param {Pixels} b
 */
export function difference(a, b, papers = [0, 255]) {
  if (a.width !== b.width || a.height !== b.height) return 1;
  let different = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    if (differs(a.data, b.data, i, papers)) different++;
  }
  return (4 * different) / a.data.length;
}

function differs(a, b, i, papers) {
  const [alphaA, alphaB] = [a[i + 3], b[i + 3]];
  for (const paper of papers) {
    for (let c = i; c < i + 3; c++) {
      const looks = a[c] * alphaA + paper * (255 - alphaA) - (b[c] * alphaB + paper * (255 - alphaB));
      if (Math.abs(looks) > 8 * 255) return true;
    }
  }
  return false;
}

export const alike = (a, b, papers) => difference(a, b, papers) <= EDGE;
