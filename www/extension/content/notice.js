// The notices over images.

import { translate } from '../i18n.js';
import { describe, warningTitle } from '../labels.js';
import { createElement } from './dom.js';

/**
 * @typedef {object} Actions What the buttons of a notice do.
 * @property {() => void} show
 * @property {(() => void) | null} hide Null where nothing was hidden.
 * @property {() => void} allow
 * @property {() => void} wrong
 */

/** @import { CheckedImage } from './image-cache.js' */

/**
 * Messages by error code. Other errors are shown in the classifier's own words.
 * @type {Record<string, string>}
 */
const REASONS = {
  'image/unreadable': 'reasonUnreadable',
  'image/not-an-image': 'reasonNotAnImage',
  'image/truncated': 'reasonNotAnImage',
  lost: 'reasonLost',
};

/**
 * Hides the image, says why, and lets the user look.
 * @param {CheckedImage['verdict']} verdict
 * @param {string} task The task in the title.
 * @param {Actions} actions
 */
export function cover(verdict, task, { show, allow, wrong }) {
  const buttons = [button('show', show, 'main'), button('allowSite', allow, 'rare'), button('wrong', wrong, 'rare')];
  const title = createElement('p', 'title', warningTitle(task, verdict.tasks[task]));
  return createElement('div', 'cover', title, otherTasks(verdict, task), createElement('div', 'buttons', ...buttons));
}

/**
 * The same in a corner, for an image that is visible.
 * @param {CheckedImage['verdict']} verdict
 * @param {string} task The task in the title.
 * @param {boolean} warned
 * @param {Actions} actions
 */
export function label(verdict, task, warned, { hide, allow, wrong }) {
  const buttons = [hide && button('hide', hide), warned && button('allowSite', allow), button('wrong', wrong)].filter(Boolean);
  const title = createElement('summary', '', warningTitle(task, verdict.tasks[task]));
  const more = createElement('div', 'more', otherTasks(verdict, task), createElement('div', 'buttons', ...buttons));
  return createElement('details', warned ? 'label warning' : 'label', title, more);
}

/** @param {() => void} show */
export function checking(show) {
  const title = createElement('p', 'title', translate('checking'));
  return createElement('div', 'cover', title, createElement('div', 'buttons', button('show', show)));
}

/** @param {CheckedImage['error']} error */
export function unchecked({ code, message }) {
  const reason = REASONS[code] ? translate(REASONS[code]) : message;
  const title = createElement('summary', '', translate('unchecked'));
  return createElement('details', 'label', title, createElement('div', 'more', createElement('p', '', reason)));
}

function button(key, onClick, className = '') {
  const element = createElement('button', className, translate(key));
  element.type = 'button';
  element.addEventListener('click', (event) => {
    // The page must not see a click on the image below.
    event.stopPropagation();
    event.preventDefault();
    onClick();
  });
  return element;
}

/** What the model says for the tasks that are not in the title. A title that it does not know is about no task. */
function otherTasks({ tasks }, titleTask) {
  const others = Object.entries(tasks).filter(([task, { outside }]) => task !== titleTask || outside.length);
  return createElement('ul', 'reasons', ...others.map(([task, verdict]) => createElement('li', '', describe(task, verdict))));
}
