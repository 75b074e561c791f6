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

/** Shows the chosen picture; holds one object URL at a time. */
export class Preview {
  #image = document.getElementById('preview');
  #invitation = document.querySelector('.invitation strong');

  constructor() {
    this.#image.addEventListener('error', () => (this.#image.hidden = true));
  }

  show(file) {
    URL.revokeObjectURL(this.#image.src);
    this.#image.src = URL.createObjectURL(file);
    this.#image.alt = file.name;
    this.#image.hidden = false;
    this.#invitation.textContent = 'Choose another picture';
  }
}
