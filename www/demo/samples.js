/** @typedef {{ file: string, text: string, written?: boolean }} Entry One of samples.json; `written`: the image shows the text. */
/** @typedef {{ file: File, title: string, texts: string[] }} Sample An image, and the texts that go with it if it shows none. */

/**
 * The sample memes; none if the page comes without them.
 * @param {URL} folder
 * @returns {Promise<Sample[]>}
 */
export async function loadSamples(folder) {
  const list = await fetch(new URL('samples.json', folder)).catch(() => null);
  if (!list?.ok) return [];
  /** @type {Entry[]} */
  const entries = await list.json();
  return Promise.all(
    Array.from(new Set(entries.map(({ file }) => file)), async (name) => {
      const blob = await (await fetch(new URL(name, folder))).blob();
      const own = entries.filter(({ file }) => file === name);
      const texts = own.filter(({ written }) => !written).map(({ text }) => text);
      return { file: new File([blob], name, { type: blob.type }), title: own[0].text, texts };
    }),
  );
}

/**
 * A button that shows the sample's image.
 * @param {Sample} sample
 */
export function thumbnail({ file, title }) {
  const image = document.createElement('img');
  image.alt = `Sample meme: ${title}`;
  image.addEventListener('load', () => URL.revokeObjectURL(image.src));
  image.src = URL.createObjectURL(file);
  return button(image);
}

/** @param {string | Node} content */
export function button(content) {
  const element = document.createElement('button');
  element.type = 'button';
  element.append(content);
  return element;
}
