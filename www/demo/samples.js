/**
 * The sample memes, as pictures with the texts that go with each, of which there are none if the words are written on the
 * picture; none at all if the page comes without them.
 */
export async function loadSamples(folder) {
  const list = await fetch(new URL('samples.json', folder)).catch(() => null);
  if (!list?.ok) return [];
  const pictures = Map.groupBy(await list.json(), (sample) => sample.file);
  return Promise.all(
    Array.from(pictures, async ([name, samples]) => {
      const blob = await (await fetch(new URL(name, folder))).blob();
      const texts = samples.filter(({ written }) => !written).map(({ text }) => text);
      return { file: new File([blob], name, { type: blob.type }), words: samples[0].text, texts };
    }),
  );
}

/** A button that shows the sample's picture. */
export function thumbnail({ file, words }) {
  const image = document.createElement('img');
  image.alt = `Sample meme: ${words}`;
  image.addEventListener('load', () => URL.revokeObjectURL(image.src));
  image.src = URL.createObjectURL(file);
  return button(image);
}

export function button(content) {
  const element = document.createElement('button');
  element.type = 'button';
  element.append(content);
  return element;
}
