/** Hands every picture that is chosen, dropped anywhere on the page, or pasted to `onPicture`, as a File. */
export function watchPictures(input, onPicture, onEmptyDrop) {
  input.addEventListener('change', () => {
    const [file] = input.files;
    input.value = ''; // so that choosing the same file again is a change
    if (file) onPicture(file);
  });

  addEventListener('paste', (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    onPicture(file);
  });

  const dragging = (on) => document.body.classList.toggle('dragging', on);
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
    const [file] = event.dataTransfer.files;
    if (file) onPicture(file);
    else onEmptyDrop();
  });
}

/** Shows the chosen picture; holds one object URL at a time. Over it lie the lines that were read, and where the model looked. */
export class Preview {
  #frame = document.getElementById('picture');
  #image = document.getElementById('preview');
  #lines = document.getElementById('lines');
  #regions = document.getElementById('regions');
  #invitation = document.querySelector('.invitation strong');

  constructor() {
    this.#image.addEventListener('error', () => (this.#frame.hidden = true));
  }

  show(file) {
    URL.revokeObjectURL(this.#image.src);
    this.#image.src = URL.createObjectURL(file);
    this.#image.alt = file.name;
    this.#frame.hidden = false;
    this.#invitation.textContent = 'Choose another picture';
    this.mark([], { width: 1, height: 1 });
    this.#regions.hidden = true;
  }

  /** Frames the lines of text, whose corners are pixels of a picture of this size. */
  mark(lines, { width, height }) {
    this.#lines.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const frames = lines.map(({ box }) => {
      const frame = document.createElementNS('http://www.w3.org/2000/svg', 'polygon');
      frame.setAttribute('points', box.join(' '));
      return frame;
    });
    this.#lines.replaceChildren(...frames);
  }

  /** Veils what the model looked at least: `values` from 0 to 1 for patches that cover the picture; null takes the veil off. */
  veil(regions) {
    this.#regions.hidden = !regions;
    if (!regions) return;
    const { rows, cols, values } = regions;
    [this.#regions.width, this.#regions.height] = [cols, rows];
    const context = this.#regions.getContext('2d');
    const image = context.createImageData(cols, rows);
    values.forEach((value, i) => image.data.set([0, 0, 0, 220 * (1 - value)], 4 * i));
    context.putImageData(image, 0, 0);
  }
}
