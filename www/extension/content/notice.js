// What is shown over a picture.

/** Why a picture could not be checked; other failures have the classifier's own words. */
const REASONS = {
  'image/unreadable': 'reasonUnreadable',
  'image/not-an-image': 'reasonNotAnImage',
  'image/truncated': 'reasonNotAnImage',
  lost: 'reasonLost',
};

const say = (key, ...words) => chrome.i18n.getMessage(key, words);

function part(name, className, ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

function button(key, action, className = '') {
  const element = part('button', className, say(key));
  element.type = 'button';
  // The page must not take it for a click on what lies below.
  element.addEventListener('click', (event) => {
    event.stopPropagation();
    event.preventDefault();
    action();
  });
  return element;
}

/** What the title, which is of the task `first`, leaves out. */
function reasonsOf({ tasks }, first) {
  const others = Object.entries(tasks).filter(([task]) => task !== first);
  return part('ul', 'reasons', ...others.map(([task, verdict]) => part('li', '', Labels.reason(task, verdict))));
}

/** Hides the picture, says why, above all what it has for the task `first`, and lets the user look. */
function cover(verdict, first, { show, allow, wrong }) {
  const buttons = [button('show', show, 'main'), button('allowSite', allow, 'rare'), button('wrong', wrong, 'rare')];
  const title = part('p', 'title', Labels.title(first, verdict.tasks[first]));
  return part('div', 'cover', title, reasonsOf(verdict, first), part('div', 'buttons', ...buttons));
}

/** The same in a corner, for a picture that is seen. `hide` is absent where nothing was hidden. */
function label(verdict, first, warned, { hide, allow, wrong }) {
  const buttons = [hide && button('hide', hide), warned && button('allowSite', allow), button('wrong', wrong)].filter(Boolean);
  const title = part('summary', '', Labels.title(first, verdict.tasks[first]));
  const more = part('div', 'more', reasonsOf(verdict, first), part('div', 'buttons', ...buttons));
  return part('details', warned ? 'label warning' : 'label', title, more);
}

function checking(show) {
  return part('div', 'cover', part('p', 'title', say('checking')), part('div', 'buttons', button('show', show)));
}

function unchecked({ code, message }) {
  const reason = REASONS[code] ? say(REASONS[code]) : message;
  return part('details', 'label', part('summary', '', say('unchecked')), part('div', 'more', part('p', '', reason)));
}
