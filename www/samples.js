/** The sample memes, as pictures with the texts that go with each; none if the page comes without them. */
export async function loadSamples(folder) {
  const list = await fetch(new URL('samples.json', folder)).catch(() => null);
  if (!list?.ok) return [];
  const pictures = Map.groupBy(await list.json(), (sample) => sample.file);
  return Promise.all(
    Array.from(pictures, async ([name, samples]) => {
      const blob = await (await fetch(new URL(name, folder))).blob();
      return { file: new File([blob], name, { type: blob.type }), texts: samples.map((sample) => sample.text) };
    }),
  );
}

/** A button that shows the sample's picture. */
export function thumbnail({ file, texts }) {
  const image = document.createElement('img');
  image.alt = `Sample meme: ${texts[0]}`;
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
