import { weights } from './policy.js';
import { benchmark } from './benchmark.js';
import { MemeClip } from './memeclip/memeclip.js';
import { duration, deviceName } from './format.js';
import { Model } from './model.js';
import { Network } from './network.js';
import { Preview, watchPictures } from './picture.js';
import { button, loadSamples, thumbnail } from './samples.js';
import { Status } from './status.js';
import { Verdict } from './verdict.js';
import { Why } from './why.js';

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const device = query.get('device') ?? 'auto';

const text = $('text');
const preview = new Preview();
const verdict = new Verdict();
const status = new Status({ onCancel: cancel, onRetry: again });
const model = new Model(weights, device, {
  onOpen: (info) => verdict.describe(info),
  onProgress: (progress) => status.progress(progress),
});

const why = new Why({
  explain: () => model.explain(picture, text.value),
  veil: (regions) => preview.veil(regions),
  onError: (error) => status.fail(error),
});

let picture = null;
/** The words are to be read off the picture; else they are those in the field. */
let reading = false;
/** How long a pause in typing must be for the words to be read again: a slow model is asked less often. */
let patience = 400;
let pause = null;

/** Reads the manifest alone; the weights follow with the first picture. */
async function open() {
  try {
    await model.open();
    if (!picture) status.say('Choose a picture to begin. The first one fetches the model’s weights as well.');
  } catch (error) {
    status.fail(error);
  }
}

async function ask() {
  clearTimeout(pause);
  pause = null;
  markWording();
  if (!picture) {
    status.say('Choose a picture first.');
    $('file').focus();
    return;
  }
  status.wait();
  verdict.wait();
  why.offer(false);
  preview.veil(null);
  try {
    const answer = await model.classify(picture, reading ? undefined : text.value);
    if (!answer) return; // cancelled, or a newer request has taken its place
    const words = answer.text;
    if (reading) {
      text.value = words;
      reading = false;
      preview.mark(answer.reading?.lines ?? [], answer.image);
    }
    why.offer(true);
    patience = Math.max(400, answer.timings.compute);
    verdict.show(answer, words);
    const answered = `Answered in ${duration(answer.timings.total)} on ${deviceName(answer.device)}.`;
    status.say(answered, { heard: verdict.spoken, gist: verdict.gist });
  } catch (error) {
    verdict.clear();
    status.fail(error);
  }
}

function again() {
  return picture ? ask() : open();
}

function cancel() {
  model.stop();
  verdict.rest();
  status.say('Stopped. What has been loaded is kept.');
}

function choose(file, texts = []) {
  // Words typed before the first picture are meant for it; later ones belong to the picture before.
  if (picture || texts.length) text.value = texts[0] ?? '';
  reading = text.value === '' && texts.length === 0;
  $('read').hidden = false;
  picture = file;
  preview.show(file);
  offerWordings(texts);
  verdict.clear();
  ask();
}

/** A sample's picture comes with several texts: the same picture turns with its words. */
function offerWordings(texts) {
  $('wordings').hidden = texts.length < 2;
  $('wordings').querySelector('.chips').replaceChildren(
    ...texts.map((words) => {
      const chip = button(words);
      chip.addEventListener('click', () => reword(words));
      return chip;
    }),
  );
}

function markWording() {
  for (const chip of $('wordings').querySelectorAll('button')) chip.ariaPressed = chip.textContent === text.value;
}

function reword(words) {
  verdict.edit();
  text.value = words;
  settle();
}

/** The words are final, for now. */
function settle() {
  verdict.settle();
  ask();
}

watchPictures($('file'), choose, () =>
  status.fail({ code: 'image/no-file', message: 'What was dropped is no file. Save the picture, then choose it.' }),
);

text.addEventListener('input', () => {
  reading = false;
  verdict.edit();
  clearTimeout(pause);
  if (picture) pause = setTimeout(ask, patience);
});
text.addEventListener('change', () => {
  verdict.settle();
  if (pause) ask();
});
text.addEventListener('keydown', (event) => {
  // Enter asks, Shift+Enter starts a line; an input method's Enter is its own.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  settle();
});
$('read').addEventListener('click', () => {
  verdict.edit();
  reading = true;
  settle();
});
$('meme').addEventListener('submit', (event) => {
  event.preventDefault();
  settle();
});

await new Network().watch();
open();

$('benchmark').querySelector('button').addEventListener('click', async ({ target }) => {
  const line = $('benchmark').querySelector('p');
  target.disabled = true;
  try {
    const onRun = (run, runs) => (line.textContent = run ? `Run ${run} of ${runs} …` : 'Getting ready …');
    const { device, median, minimum, runs } = await benchmark(await model.open(), onRun);
    const fastest = `the median of ${runs}; the fastest took ${duration(minimum)}`;
    line.textContent = `${duration(median)} a meme on ${deviceName(device)}: ${fastest}.`;
  } catch (error) {
    line.textContent = error.message;
  }
  target.disabled = false;
});

for (const choice of $('device').elements) choice.checked = choice.value === device;
$('device').addEventListener('change', ({ target }) => {
  model.use(target.value);
  again();
});
const { webgpu, software } = await MemeClip.support();
$('device').querySelector('[value=gpu]').disabled = !webgpu && !software;
$('device-hint').hidden = webgpu;
$('device-hint').textContent = software
  ? 'WebGPU is emulated in software here, which is slow: Automatic takes the CPU.'
  : 'This browser offers no WebGPU: Automatic takes the CPU.';

const samples = await loadSamples(new URL('samples/', document.baseURI));
$('samples').hidden = samples.length === 0;
for (const sample of samples) {
  const choice = thumbnail(sample);
  choice.addEventListener('click', () => choose(sample.file, sample.texts));
  $('samples').querySelector('.thumbs').append(choice);
}
