// Tasks and classes in the user's language. Those without a message have the pack's own names.

import { percent, translate } from './i18n.js';

/** @typedef {import('./memeclip/memeclip.js').TaskVerdict} TaskVerdict */

/**
 * Messages by task.
 * @type {Record<string, string>}
 */
const TASKS = {
  hate: 'taskHate',
  target: 'taskTarget',
  stance: 'taskStance',
  humor: 'taskHumor',
};

/**
 * Messages by class.
 * @type {Record<string, string>}
 */
const CLASSES = {
  'no hate': 'classNoHate',
  hate: 'classHate',
  undirected: 'classUndirected',
  individual: 'classIndividual',
  community: 'classCommunity',
  organization: 'classOrganization',
  neutral: 'classNeutral',
  support: 'classSupport',
  oppose: 'classOppose',
  'no humor': 'classNoHumor',
  humor: 'classHumor',
};

/**
 * What each task can warn of: the warning's title and its probability.
 * @type {Record<string, { title: string, probability: (probabilities: Record<string, number>) => number }>}
 */
export const WARNINGS = {
  hate: { title: 'titleHate', probability: ({ hate }) => hate },
  target: { title: 'titleTarget', probability: ({ undirected }) => 1 - undirected },
  stance: { title: 'titleStance', probability: ({ oppose }) => oppose },
  humor: { title: 'titleHumor', probability: ({ humor }) => humor },
};

/**
 * The title of a task's warning, such as “Perhaps hateful: 93%”, or that the pack does not know.
 * @param {string} task
 * @param {TaskVerdict} verdict
 */
export function warningTitle(task, { probabilities, unsure, outside }) {
  if (outside.length) return translate('titleOutside');
  const { title, probability } = WARNINGS[task];
  return markUnsure(translate(title, percent(probability(probabilities))), unsure);
}

/**
 * What the model says for a task, such as “Stance: opposes, 83%”.
 * @param {string} task
 * @param {TaskVerdict} verdict
 */
export function describe(task, { label, probabilities, unsure, outside }) {
  const name = task in TASKS ? translate(TASKS[task]) : task;
  const guess = label in CLASSES ? translate(CLASSES[label]) : label;
  const text = translate('prediction', name, guess, percent(probabilities[label]));
  return outside.length ? translate('markOutside', text) : markUnsure(text, unsure);
}

function markUnsure(text, unsure) {
  return unsure ? translate('unsure', text) : text;
}
