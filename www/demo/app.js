import { weights } from './policy.js';
import { benchmark } from './benchmark.js';
import { byId, find } from './dom.js';
import { duration, deviceName } from './format.js';
import { Preview, watchImages } from './image.js';
import { MemeClip } from './memeclip/memeclip.js';
import { NO_WORDS } from './memeclip/words.js';
import { Model } from './model.js';
import { Network } from './network.js';
import { Packs } from './packs.js';
import { button, loadSamples, thumbnail } from './samples.js';
import { Status } from './status.js';
import { Verdict } from './verdict.js';
import { Why } from './why.js';

const query = new URLSearchParams(location.search);
const device = query.get('device') ?? 'auto';

const text = byId('text', HTMLTextAreaElement);
const file = byId('file', HTMLInputElement);
const wordings = byId('wordings');
const preview = new Preview();
const verdict = new Verdict();
const status = new Status({ onCancel: cancel, onRetry: again });
const model = new Model(weights, device, {
  onOpen: (info) => verdict.describe(info),
  onProgress: (progress) => status.progress(progress),
});

const packs = new Packs((weights) => {
  model.use({ weights });
  verdict.forget();
  why.offer(false);
  again();
  tellCosts();
});

const why = new Why({
  explain: async () => image && model.explain(image, text.value),
  shade: (regions) => preview.shade(regions),
  onError: (error) => status.fail(error),
});

const HOW_TO_GO_ON = 'Type the words if there are any, or press Classify to judge the image alone.';

/** Milliseconds; see `pause`. */
const SHORTEST_PAUSE = 400;

/** @type {File | null} */
let image = null;
/** Whether the text must be read from the image; otherwise it is the one in the field. */
let reading = false;
/** Milliseconds without a key after which a new text is classified: a slow model is asked less often. */
let pause = SHORTEST_PAUSE;
/** @type {ReturnType<typeof setTimeout> | null} */
let typing = null;

/** Counts what the page was asked to do: what a newer request has replaced says nothing. */
let requests = 0;

/** Reads the manifest alone; the weights follow with the first image. */
async function open() {
  const request = ++requests;
  try {
    await model.open();
    if (request === requests) status.say('Choose an image to begin. The first one fetches the model’s weights as well.');
  } catch (error) {
    if (request === requests) status.fail(error);
  }
}

/** What the packs cost here. */
function tellCosts() {
  return packs.measure((weights) => model.probe(weights));
}

async function ask() {
  stopTyping();
  markWording();
  if (!image) {
    status.say('Choose an image first.');
    file.focus();
    return;
  }
  requests++;
  status.wait();
  verdict.wait();
  why.offer(false);
  preview.shade(null);
  try {
    const answer = await model.classify(image, reading ? undefined : text.value);
    if (!answer) return; // cancelled, or a newer request has taken its place
    packs.loaded(answer);
    if (reading) {
      text.value = answer.text;
      reading = false;
      preview.mark(answer.reading?.lines ?? [], answer.image);
    }
    if (Object.keys(answer.tasks).length === 0) {
      verdict.clear();
      status.say(`${NO_WORDS} ${HOW_TO_GO_ON}`, { gist: 'No words found' });
      return;
    }
    why.offer(true);
    pause = Math.max(SHORTEST_PAUSE, answer.timings.compute);
    verdict.show(answer, answer.text);
    const answered = `Answered in ${duration(answer.timings.total)} on ${deviceName(answer.device)}.`;
    status.say([answered, answer.notice].filter(Boolean).join(' '), { heard: verdict.spoken, gist: verdict.gist });
  } catch (error) {
    verdict.clear();
    status.fail(error);
  }
}

function again() {
  return image ? ask() : open();
}

function stopTyping() {
  if (typing !== null) clearTimeout(typing);
  typing = null;
}

function cancel() {
  model.stop();
  verdict.rest();
  status.say('Stopped. What has been loaded is kept.');
}

/**
 * @param {File} chosen
 * @param {string[]} texts That go with it, if it is a sample.
 */
function choose(chosen, texts = []) {
  // A text typed before the first image is meant for it; a later one belongs to the image before.
  if (image || texts.length) text.value = texts[0] ?? '';
  reading = text.value === '' && texts.length === 0;
  byId('read').hidden = false;
  image = chosen;
  preview.show(chosen);
  offerWordings(texts);
  verdict.clear();
  ask();
}

/**
 * A sample's image may come with several texts, with which its meaning turns.
 * @param {string[]} texts
 */
function offerWordings(texts) {
  wordings.hidden = texts.length < 2;
  find(wordings, '.chips').replaceChildren(
    ...texts.map((wording) => {
      const chip = button(wording);
      chip.addEventListener('click', () => reword(wording));
      return chip;
    }),
  );
}

function markWording() {
  for (const chip of wordings.querySelectorAll('button')) {
    chip.setAttribute('aria-pressed', String(chip.textContent === text.value));
  }
}

/** @param {string} wording */
function reword(wording) {
  verdict.edit();
  text.value = wording;
  settle();
}

/** The text is final, for now. */
function settle() {
  verdict.settle();
  ask();
}

watchImages(file, choose, () =>
  status.fail({ code: 'image/no-file', message: 'What was dropped is not a file. Save the image, then choose it.' }),
);

text.addEventListener('input', () => {
  reading = false;
  verdict.edit();
  stopTyping();
  if (image) typing = setTimeout(ask, pause);
});
text.addEventListener('change', () => {
  verdict.settle();
  if (typing !== null) ask();
});
text.addEventListener('keydown', (event) => {
  // Enter asks, Shift+Enter starts a line; an input method's Enter is its own.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  settle();
});
byId('read').addEventListener('click', () => {
  verdict.edit();
  reading = true;
  settle();
});
byId('meme').addEventListener('submit', (event) => {
  event.preventDefault();
  settle();
});

await new Network().watch();
open();
tellCosts();

const measure = find(byId('benchmark'), 'button', HTMLButtonElement);
measure.addEventListener('click', async () => {
  const line = find(byId('benchmark'), 'p');
  measure.disabled = true;
  try {
    const onRun = (/** @type {number} */ run, /** @type {number} */ runs) =>
      (line.textContent = run ? `Run ${run} of ${runs} …` : 'Getting ready …');
    const { device, median, minimum, runs } = await benchmark(await model.open(), onRun);
    const fastest = `the median of ${runs}; the fastest took ${duration(minimum)}`;
    line.textContent = `${duration(median)} a meme on ${deviceName(device)}: ${fastest}.`;
  } catch (error) {
    line.textContent = /** @type {Error} */ (error).message;
  }
  measure.disabled = false;
});

for (const choice of byId('device').querySelectorAll('input')) {
  choice.checked = choice.value === device;
  choice.addEventListener('change', () => {
    model.use({ device: choice.value });
    again();
    packs.forgetSpeeds();
    tellCosts();
  });
}
const { webgpu, software } = await MemeClip.support();
find(byId('device'), '[value=gpu]', HTMLInputElement).disabled = !webgpu && !software;
const hint = byId('device-hint');
hint.hidden = webgpu;
hint.textContent = software
  ? 'WebGPU is emulated in software here, which is slow: Automatic takes the CPU.'
  : 'This browser offers no WebGPU: Automatic takes the CPU.';

const samples = await loadSamples(new URL('samples/', document.baseURI));
byId('samples').hidden = samples.length === 0;
for (const sample of samples) {
  const choice = thumbnail(sample);
  choice.addEventListener('click', () => choose(sample.file, sample.texts));
  find(byId('samples'), '.thumbs').append(choice);
}
