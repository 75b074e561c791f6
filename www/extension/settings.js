// The user's settings, in the browser's own storage. A classic script, as content scripts must be; modules import it for
// its effect.

globalThis.Settings = {
  defaults: {
    on: true,
    /** Hosts on which nothing is checked. */
    sites: [],
    /** By task, the probability from which on a picture has a warning (see `Labels.alarm`); 1 for never. */
    hate: 0.5,
    target: 1,
    stance: 1,
    humor: 1,
    /** How it warns: cover, border or label. */
    style: 'cover',
    /** Seconds that a picture may stay covered while it waits to be checked; 0 for not at all. */
    coverFirst: 0,
    /** Whether pictures that could not be checked say so. */
    labelUnchecked: false,
    /** Pixels of the shorter side, as shown, below which a picture is an icon or an avatar. */
    minimum: 120,
    /** Address of the pack; empty for the one that comes along. */
    pack: '',
    /** Minutes without work after which the model's memory is freed. */
    unload: 3,
    /** What the user said of pictures, by their content's hash: `{ hate, probability, address, time }`. */
    corrections: {},
  },

  read: () => chrome.storage.local.get(Settings.defaults),

  change: (values) => chrome.storage.local.set(values),

  /** Calls `listener(settings, names of those that changed)` after each change. */
  watch(listener) {
    chrome.storage.local.onChanged.addListener(async (changes) => listener(await Settings.read(), Object.keys(changes)));
  },

  /** Sets whether a host is on the list of those where nothing is checked. */
  async allow(site, allowed) {
    const others = (await Settings.read()).sites.filter((other) => other !== site);
    await Settings.change({ sites: allowed ? [...others, site].sort() : others });
  },

  /** Notes that the user says a picture is hateful, or is not. */
  async correct(hash, { hate, probability, address }) {
    const { corrections } = await Settings.read();
    await Settings.change({ corrections: { ...corrections, [hash]: { hate, probability, address, time: Date.now() } } });
  },
};
