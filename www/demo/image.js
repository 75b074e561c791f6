import { byId, find } from './dom.js';

/** @import { Explanation, Line } from './memeclip/memeclip.js' */

/**
 * Hands over every image that is chosen, dropped anywhere on the page, or pasted.
 * @param {HTMLInputElement} input
 * @param {(file: File) => void} onImage
 * @param {() => void} onEmptyDrop
 */
export function watchImages(input, onImage, onEmptyDrop) {
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    input.value = ''; // so that choosing the same file again is a change
    if (file) onImage(file);
  });

  addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    onImage(file);
  });

  const dragging = (/** @type {boolean} */ on) => document.body.classList.toggle('dragging', on);
  addEventListener('dragover', (event) => {
    event.preventDefault(); // else the browser would open a dropped file in place of the page
    dragging(true);
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) dragging(false);
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    dragging(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) onImage(file);
    else onEmptyDrop();
  });
}

/** Shows the chosen image; holds one object URL at a time. Over it lie the lines that were read, and where the model looked. */
export class Preview {
  #frame = byId('picture');
  #image = byId('preview', HTMLImageElement);
  #lines = byId('lines', SVGSVGElement);
  #regions = byId('regions', HTMLCanvasElement);
  #invitation = find(document, '.invitation strong');

  constructor() {
    this.#image.addEventListener('error', () => (this.#frame.hidden = true));
  }

  /** @param {File} file */
  show(file) {
    URL.revokeObjectURL(this.#image.src);
    this.#image.src = URL.createObjectURL(file);
    this.#image.alt = file.name;
    this.#frame.hidden = false;
    this.#invitation.textContent = 'Choose another image';
    this.mark([], { width: 1, height: 1 });
    this.#regions.hidden = true;
  }

  /**
   * Frames the lines of text, whose corners are pixels of an image of this size.
   * @param {Line[]} lines
   * @param {{ width: number, height: number }} size
   */
  mark(lines, { width, height }) {
    this.#lines.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const frames = lines.map(({ box }) => {
      const frame = document.createElementNS('http://www.w3.org/2000/svg', 'polygon');
      frame.setAttribute('points', box.join(' '));
      return frame;
    });
    this.#lines.replaceChildren(...frames);
  }

  /**
   * Darkens what the model looked at least; null shows all of the image.
   * @param {Explanation['regions'] | null} regions
   */
  shade(regions) {
    this.#regions.hidden = !regions;
    if (!regions) return;
    const { rows, cols, values } = regions;
    [this.#regions.width, this.#regions.height] = [cols, rows];
    const context = this.#regions.getContext('2d');
    if (!context) return;
    const image = context.createImageData(cols, rows);
    values.forEach((value, i) => image.data.set([0, 0, 0, 220 * (1 - value)], 4 * i));
    context.putImageData(image, 0, 0);
  }
}
