// Tasks and classes in the user's language. A classic script, as content scripts must be; modules import it for its effect.

globalThis.Labels = {
  task: {
    hate: 'taskHate',
    target: 'taskTarget',
    stance: 'taskStance',
    humor: 'taskHumor',
  },
  class: {
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
  },

  /** What a task can warn of. */
  alarm: {
    hate: { title: 'titleHate', of: ({ hate }) => hate },
    target: { title: 'titleTarget', of: ({ undirected }) => 1 - undirected },
    stance: { title: 'titleStance', of: ({ oppose }) => oppose },
    humor: { title: 'titleHumor', of: ({ humor }) => humor },
  },

  /** What a warning is of, such as “Perhaps hateful: 93%”. */
  title(task, { probabilities, unsure }) {
    const { title, of } = Labels.alarm[task];
    return Labels.doubted(chrome.i18n.getMessage(title, Labels.percent(of(probabilities))), unsure);
  },

  /** Never “0 %” or “100 %”: the model is never certain. */
  percent(share) {
    const number = new Intl.NumberFormat(chrome.i18n.getUILanguage(), { style: 'percent' });
    if (share < 0.005) return `<\u00a0${number.format(0.01)}`;
    if (share > 0.995) return `>\u00a0${number.format(0.99)}`;
    return number.format(share);
  },

  /** A task's guess in words, such as “Stance: oppose, 83 %”. */
  reason(task, { label, probabilities, unsure }) {
    const words = [Labels.task[task], Labels.class[label]].map((key) => chrome.i18n.getMessage(key));
    return Labels.doubted(chrome.i18n.getMessage('reason', [...words, Labels.percent(probabilities[label])]), unsure);
  },

  doubted: (words, unsure) => (unsure ? chrome.i18n.getMessage('unsure', words) : words),
};
