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
    const differs = papers.some((paper) => {
      const looks = ({ data }, c) => (data[i + c] * data[i + 3] + paper * (255 - data[i + 3])) / 255;
      return [0, 1, 2].some((c) => Math.abs(looks(a, c) - looks(b, c)) > 8);
    });
    if (differs) different++;
  }
  return (4 * different) / a.data.length;
}

export const alike = (a, b, papers) => difference(a, b, papers) <= EDGE;
