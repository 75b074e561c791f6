// Everything that the package offers, as types.test.js has it checked. Nothing here is run.

import {
  MemeClip,
  MemeClipError,
  type Cost,
  type ErrorCode,
  type Info,
  type Observation,
  type Progress,
  type Speed,
  type Support,
  type Task,
  type Verdict,
} from '../../www/memeclip/memeclip.js';
import { MemeVerdict } from '../../www/memeclip/meme-verdict.js';

const stop = new AbortController();

export async function accepted(
  file: File,
  canvas: HTMLCanvasElement,
  element: HTMLImageElement,
  video: HTMLVideoElement,
  files: FileList,
): Promise<void> {
  const support: Support = await MemeClip.support({ weights: new URL('https://example.org/pack/'), assets: '/memeclip/' });
  const cost: Cost | undefined = support.load;
  const speed: Speed | undefined = (await MemeClip.support({ weights: 'pack/', probe: 'auto' })).speed;
  const code: number | null | undefined = cost?.code;
  const clf: MemeClip = await MemeClip.load('weights/', {
    device: support.device,
    threads: support.threads,
    tasks: ['hate', 'target'],
    signal: stop.signal,
    onProgress: ({ loaded, total, cached, component }: Progress) => console.log(loaded / total, cached, component, code),
    assets: new URL('https://example.org/memeclip/'),
  });
  const info: Info = clf.info;
  const tasks: Task[] = info.tasks;
  const labels: string[] | undefined = info.labels['hate'];

  const verdict: Verdict = await clf.classify(file, { text: 'what it says', tasks, signal: stop.signal, features: true });
  const probability: number | undefined = verdict.tasks.hate?.probabilities['hate'];
  const list = await clf.classify([file, canvas, element, 'meme.jpg'], { text: ['one', undefined, 'three', ''] });
  for (const answer of list) {
    if (answer instanceof MemeClipError) console.log(answer.remedy);
    else console.log(answer.tasks, probability, labels);
  }
  const images = [new Blob(), new ArrayBuffer(1), new Uint8Array(1), new ImageData(1, 1), new URL('https://example.org/a.png')];
  await clf.classify(images);
  await clf.classify({ width: 1, height: 1, data: new Uint8Array(4) });
  await MemeClip.load('hf:owner/name@v1/q8', { cache: 'packs' });
  MemeVerdict.options = { device: 'cpu', assets: '/memeclip/' };
  const shown: Verdict | null | undefined = document.querySelector('meme-verdict')?.verdict;
  await clf.classify(files, { tasks });
  await clf.classify([video, new VideoFrame(video), await fetch('meme.jpg')]);

  const observation: Observation = clf.observe(document, {
    onVerdict: (element, { tasks }) => element.classList.toggle('hateful', tasks.hate?.label === 'hate'),
    onError: (element, { code }) => (element.title = code),
    threshold: 0.8,
    minimum: 64,
    tasks: ['target'],
    signal: stop.signal,
  });
  console.log(shown);
  observation.stop();
  clf.dispose();
}

export function explained(error: unknown): string {
  if (!(error instanceof MemeClipError)) throw error;
  const code: ErrorCode = error.code;
  return code === 'pack/missing-shard' ? 'upload the pack again' : `${error.message} ${error.remedy}`;
}

export async function refused(clf: MemeClip, file: File): Promise<void> {
  // @ts-expect-error: it belongs to each element
  MemeVerdict.options = { onProgress: console.log };
  // @ts-expect-error: load gives one
  new MemeClip();
  // @ts-expect-error: no such device
  await MemeClip.load('weights/', { device: 'abacus' });
  // @ts-expect-error: a task has a name
  await MemeClip.load('weights/', { tasks: [1] });
  // @ts-expect-error: no address
  await MemeClip.load();
  // @ts-expect-error: no image
  await clf.classify(42);
  // @ts-expect-error: a text is needed for each image
  await clf.classify([file], { text: 'one for all' });
  // @ts-expect-error: one image has one text
  await clf.classify(file, { text: ['one'] });
  // @ts-expect-error: one image gives no list
  const list: Verdict[] = await clf.classify(file);
  // @ts-expect-error: an answer of a list may be an error
  const verdicts: Verdict[] = await clf.classify([file]);
  // @ts-expect-error: nobody would hear of the verdicts
  clf.observe(document, {});
  // @ts-expect-error: it is fixed
  clf.info = clf.info;
  // @ts-expect-error: no such code
  const none = new MemeClipError('image/ugly', 'it is ugly.', 'Give a beautiful one.');
  console.log(list, verdicts, none);
}
