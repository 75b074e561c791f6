// One frame of a page: finds pictures, asks about them, and shows what is to be shown.

/** Milliseconds between two reports on the page. */
const REPORT = 200;

class Page {
  #settings;
  #site;
  #running = false;
  #pictures = new Pictures();
  /** The picture of each element that is near the viewport. */
  #shown = new Map();
  #channel = new Channel(() => this.#end());
  #queue = new Queue(
    (address) => this.#channel.ask({ address, pack: this.#settings.pack, unload: this.#settings.unload }),
    (picture) => this.#settled(picture),
  );
  #covers = new Covers();
  #finder = new Finder((element) => this.#viewport?.watch(element));
  #viewport = null;
  #report = null;
  /** What the context menu was opened on. */
  #pointed = [];

  constructor(settings, site) {
    this.#site = site;
    this.apply(settings);
    document.addEventListener('contextmenu', (event) => this.#point(event), { capture: true, passive: true });
  }

  /** Begins or ends as the settings say, and shows again what they change. */
  apply(settings, changed = []) {
    this.#settings = settings;
    const wanted = settings.on && !settings.sites.includes(this.#site);
    const anew = !wanted || ['pack', 'minimum'].some((name) => changed.includes(name));
    if (this.#running && anew) this.#stop();
    if (changed.includes('pack')) this.#pictures.clear();
    if (wanted && !this.#running) this.#start();
    for (const [element, picture] of this.#shown) this.#show(element, picture);
    this.#tell();
  }

  /** The user wants to know, whatever the settings. */
  check() {
    const found = this.#find();
    if (!found) return;
    const [element, picture] = found;
    picture.wanted = true;
    this.#enter(element);
    if (picture.state === 'failed') this.#queue.add(picture);
    this.#show(element, picture);
  }

  /** The user does not agree. */
  wrong() {
    const [, picture] = this.#find() ?? [];
    if (picture?.state === 'checked') this.#disagree(picture);
  }

  #start() {
    this.#running = true;
    this.#viewport = new Viewport(this.#settings.minimum, (element) => this.#enter(element), (element) => this.#left(element));
    this.#finder.start();
  }

  #stop() {
    this.#running = false;
    this.#finder.stop();
    this.#viewport?.stop();
    this.#queue.clear();
    for (const picture of this.#shown.values()) picture.elements.clear();
    this.#shown.clear();
    this.#covers.clear();
  }

  /** The extension is gone: it was switched off in the browser, or another version takes over. */
  #end() {
    this.#stop();
    this.#covers.end();
  }

  #enter(element) {
    const address = addressOf(element);
    const before = this.#shown.get(element);
    if (before && before.address === address) return;
    this.#forget(element);
    if (!address) return;
    const picture = this.#pictures.at(address);
    picture.elements.add(element);
    this.#shown.set(element, picture);
    if (picture.state === 'new') this.#wait(picture);
    this.#show(element, picture);
  }

  #left(element) {
    // What the user wants to know of stays, however small.
    if (!this.#shown.get(element)?.wanted || !element.isConnected) this.#forget(element);
  }

  #forget(element) {
    const picture = this.#shown.get(element);
    if (!picture) return;
    this.#shown.delete(element);
    this.#covers.hide(element);
    picture.elements.delete(element);
    if (picture.elements.size === 0) this.#queue.drop(picture);
    this.#tell();
  }

  #wait(picture) {
    picture.overdue = false;
    this.#queue.add(picture);
    this.#tell();
    if (!this.#settings.coverFirst) return;
    setTimeout(() => this.#overdue(picture), 1000 * this.#settings.coverFirst);
  }

  #settled(picture) {
    for (const element of picture.elements) this.#show(element, picture);
    this.#tell();
  }

  /** The first task that there is to warn of. */
  #alarm({ verdict: { tasks } }) {
    const alarms = ([task, { of }]) => this.#settings[task] < 1 && of(tasks[task].probabilities) >= this.#settings[task];
    return Object.entries(Labels.alarm).find(alarms)?.[0];
  }

  #warns(picture) {
    return this.#settings.corrections[picture.verdict.hash]?.hate ?? this.#alarm(picture) !== undefined;
  }

  #show(element, picture) {
    const [notice, name] = this.#notice(picture) || [];
    if (!notice) return this.#covers.hide(element);
    const alternative = element.ariaLabel || element.alt;
    this.#covers.show(element, notice, alternative ? say('named', name, alternative) : name);
  }

  /** What is to be shown over the picture, and its name; nothing if there is nothing to say. */
  #notice(picture) {
    const { state, verdict, error, revealed, wanted } = picture;
    if (state === 'failed') {
      return (wanted || this.#settings.labelUnchecked) && [unchecked(error), say('unchecked')];
    }
    if (state !== 'checked') {
      const covered = wanted || (this.#settings.coverFirst > 0 && !picture.overdue);
      return covered && [checking(() => this.#overdue(picture)), say('checking')];
    }
    const warned = this.#warns(picture);
    if (!warned && !wanted) return;
    const first = this.#alarm(picture) ?? 'hate';
    const title = Labels.title(first, verdict.tasks[first]);
    const { style } = this.#settings;
    const covered = warned && style === 'cover';
    const actions = {
      show: () => this.#reveal(picture, true),
      hide: covered ? () => this.#reveal(picture, false) : null,
      allow: () => Settings.allow(this.#site, true),
      wrong: () => this.#disagree(picture),
    };
    if (covered && !revealed) return [cover(verdict, first, actions), title];
    const corner = label(verdict, first, warned, actions);
    return [warned && style === 'border' ? part('div', 'border', corner) : corner, title];
  }

  #reveal(picture, revealed) {
    picture.revealed = revealed;
    this.#settled(picture);
  }

  #overdue(picture) {
    picture.overdue = true;
    this.#settled(picture);
  }

  #disagree(picture) {
    const { address, verdict } = picture;
    const probability = verdict.tasks.hate.probabilities.hate;
    picture.wanted = false;
    Settings.correct(verdict.hash, { hate: !this.#warns(picture), probability, address: brief(address) });
  }

  #point(event) {
    this.#pointed = [...event.composedPath(), ...document.elementsFromPoint(event.clientX, event.clientY)];
  }

  /** The element that the context menu was opened on, and its picture. */
  #find() {
    for (const element of this.#pointed) {
      const address = element instanceof Element && element.localName !== LAYER && addressOf(element);
      if (address) return [element, this.#pictures.at(address)];
    }
  }

  /** Tells popup and toolbar, but not at each step. */
  #tell() {
    this.#report ??= setTimeout(() => {
      this.#report = null;
      this.#channel.tell(this.#sum());
    }, REPORT);
  }

  #sum() {
    const pictures = this.#running ? [...this.#pictures.values()] : [];
    const of = (...states) => pictures.filter(({ state }) => states.includes(state));
    const [checked, failed] = [of('checked'), of('failed')];
    const settled = [...checked, ...failed].sort((a, b) => b.time - a.time);
    return {
      checked: checked.length,
      warned: checked.filter((picture) => this.#warns(picture)).length,
      failed: failed.length,
      waiting: of('waiting', 'asked').length,
      recent: settled.slice(0, 3).map(({ address, verdict, time }) => ({
        address: brief(address),
        hate: verdict?.tasks.hate.probabilities.hate,
        time,
      })),
    };
  }
}

/** A data: address is as long as its picture. */
function brief(address) {
  return address.length > 200 ? `${address.slice(0, 200)}…` : address;
}

(async () => {
  const site = window === top ? location.hostname : await chrome.runtime.sendMessage({ method: 'site' });
  const page = new Page(await Settings.read(), site);
  Settings.watch((settings, changed) => page.apply(settings, changed));
  chrome.runtime.onMessage.addListener(({ method }) => {
    if (method === 'check') page.check();
    if (method === 'wrong') page.wrong();
  });
})();
