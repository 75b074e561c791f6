// A verdict in plain words, for the demo page and the element `meme-verdict`.

/** @import { Progress, TaskVerdict } from './types.js' */

const megabytes = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** What is said of an image that was skipped because it has no words. */
export const NO_WORDS = 'No words were found in this image, and the model judges an image together with its words.';

/**
 * The question that a task answers, and what it means. Other tasks show their name and their classes.
 * @type {Record<string, [string, string]>}
 */
const ABOUT = {
  hate: ['Is it hateful?', 'Hostile to people for who they are.'],
  target: ['At whom does it aim?', 'A person, a community, an organization, or no one in particular.'],
  stance: ['Which stance does it take?', 'For, against, or neutral to what it shows.'],
  humor: ['Is it meant to be funny?', 'A joke, or said in earnest.'],
};

/**
 * The question that a task answers, and what it means.
 * @param {string} task
 * @param {string[]} labels Names of its classes.
 */
export function about(task, labels) {
  return ABOUT[task] ?? [task, labels.join(', ')];
}

/**
 * Never “0 %” or “100 %”: the model is never certain.
 * @param {number} share 0 to 1.
 */
export function percent(share) {
  if (share < 0.005) return '< 1 %';
  if (share > 0.995) return '> 99 %';
  return `${Math.round(share * 100)} %`;
}

/** @param {number} count */
export function bytes(count) {
  return `${megabytes.format(count / 1e6)} MB`;
}

/**
 * What is waited for.
 * @param {Pick<Progress, 'loaded' | 'total'>} progress
 */
export function awaited({ loaded, total }) {
  return loaded < total ? `Loading weights: ${bytes(loaded)} of ${bytes(total)}` : 'Computing';
}

/**
 * The guess in words.
 * @param {TaskVerdict} result
 */
export function guess({ label, outside }) {
  return outside.length ? 'outside what this pack knows' : label;
}

/**
 * Whether the answer to a task means little beside the others.
 * @param {string} task
 * @param {Record<string, TaskVerdict>} tasks All answers.
 */
export function isIdle(task, { hate }) {
  return task === 'target' && hate !== undefined && hate.label !== 'hate' && !hate.outside.length;
}

/**
 * What people should know about a guess, in sentences.
 * @param {TaskVerdict} result
 * @param {boolean} idle See `isIdle`.
 */
export function remarks({ outside, zero_shot, unsure }, idle) {
  const lines = [
    outside.length > 0 && `It was trained on memes unlike this one in ${outside.join(' and ')}.`,
    zero_shot && 'Zero-shot, untrained.',
    unsure && !zero_shot && 'Unsure: it expects to be wrong in four of ten such guesses, or more.',
    idle && 'Means little here: the data names a target only where it sees hate.',
  ];
  return lines.filter(Boolean).join(' ');
}

/**
 * All guesses in a sentence, for those who hear the page.
 * @param {Record<string, TaskVerdict>} answers By task.
 */
export function spoken(answers) {
  /** @type {Map<string, string[]>} */
  const tasks = new Map();
  for (const [task, result] of Object.entries(answers)) {
    // How likely it is; nothing where there is no guess.
    const share = result.outside.length ? '' : `, ${percent(result.probabilities[result.label])}`;
    const said = guess(result) + share;
    // What several tasks have in common is said once.
    tasks.set(said, [...(tasks.get(said) ?? []), task]);
  }
  return [...tasks].map(([said, names]) => `${names.join(', ')}: ${said}`).join('; ');
}
