// What the README says on using the package, as a page that does it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PACKAGE, host, install, launch, pack, root } from './harness.js';

const work = join(root, 'target/tmp/browser/readme');
const images = join(root, 'tests/goldens/images');
const [, section] = /^## Use it in your page\n(.*?)^## /ms.exec(readFileSync(join(root, 'README.md'), 'utf8'));
const blocks = (language) => Array.from(section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms')), ([, code]) => code);

let browser, site, other;
before(async () => {
  install(work);
  cpSync(PACKAGE, join(work, 'memeclip'), { recursive: true });
  cpSync(pack('tiny', 'q8'), join(work, 'weights'), { recursive: true });
  cpSync(images, join(work, 'pictures'), { recursive: true });
  cpSync(join(images, 'photo.jpg'), join(work, 'pictures/meme.jpg'));
  browser = await launch();
  site = await host(work);
  // Pictures that the page may show and not read.
  other = await host(images, { 'cross-origin-resource-policy': 'cross-origin' });
});
after(async () => {
  await browser?.close();
  for (const server of [site, other]) server?.stop();
});

test('the code in the README does what it says', async () => {
  const [html] = blocks('html');
  const [load, classify, support, observe, end, ...more] = blocks('js');
  // The seeded pack finds nothing likely.
  const watch = observe.replace('threshold: 0.5', 'threshold: globalThis.threshold');
  assert.ok(end && more.length === 0, 'each block of code is tried here');
  const page = await browser.newPage();
  const [said, errors] = [[], []];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => errors.push(error));
  const status = (pattern) => page.waitForFunction((pattern) => new RegExp(pattern).test(document.querySelector('p').textContent), pattern);
  const pictures = [`${site.origin}/pictures/exact.png`, `${site.origin}/pictures/photo.jpg`, `${other.origin}/large.png`];
  // The blocks are one script; between them the page is looked at.
  const looks = {
    async loaded() {
      await page.setInputFiles('input', [join(images, 'exact.png'), join(work, 'weights/manifest.json')]);
      await status('^(no )?hate, .*not an image');
    },
    async classified() {
      assert.match(said.at(-1), /^(no hate|hate) 0\.\d+ (undirected|individual|community|organization)$/);
      rmSync(join(work, 'pictures/meme.jpg'));
    },
    async failed() {
      assert.match(said.at(-1), /^image\/unreadable Give its file/);
    },
    async supported() {
      assert.match(said.at(-2), /^on the cpu \([a-z0-9, -]+\): \d+ bytes of weights to fetch, [1-9]\d+ of code$/);
      assert.match(said.at(-1), /^then about 0\.\d+ seconds a meme$/);
      // As likely as the picture that is likelier to be hateful.
      await page.evaluate(async (pictures) => {
        const { MemeClip } = await import('./memeclip/memeclip.js');
        const clf = await MemeClip.load('weights/');
        const [first, second] = (await clf.classify(pictures)).map(({ tasks }) => tasks.hate.probabilities.hate);
        clf.dispose();
        if (first <= second) throw new Error(`${first} and ${second}: the first picture must be the likelier one`);
        globalThis.threshold = first;
      }, pictures.slice(0, 2));
    },
    async observed() {
      await page.evaluate((pictures) => {
        for (const src of pictures) document.body.append(Object.assign(new Image(200, 200), { src }));
      }, pictures);
      await page.waitForFunction(() => document.images[0].title && document.images[2].title);
      const titles = await page.evaluate(() => Array.from(document.images, ({ title }) => title));
      assert.match(titles[0], /^hateful, \d+ %$/);
      assert.match(titles[2], /^not checked\. Give its file, or allow/);
      // Asked for before the third one.
      assert.equal(titles[1], '');
    },
    async ended() {
      await Promise.all(page.workers().map((worker) => worker.waitForEvent('close')));
    },
  };
  await page.exposeFunction('look', (name) => looks[name]());
  const parts = [[load, 'loaded'], [classify, 'classified'], [classify, 'failed'], [support, 'supported'], [watch, 'observed'], [end, 'ended']];
  writeFileSync(join(work, 'page.js'), `${parts.map(([code, name]) => `${code}\nawait look('${name}');\n`).join('')}document.title = 'done';`);
  writeFileSync(join(work, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><title>README</title>${html}`);
  await page.goto(`${site.origin}/index.html`);
  await page.waitForFunction(() => document.title === 'done').catch((error) => assert.fail([...errors, error].join('\n')));
  assert.deepEqual(errors, []);
});

test('the element in the README shows its verdicts', async () => {
  const [, element] = blocks('html');
  const page = await browser.newPage();
  const script = '<script type="module" src="memeclip/meme-verdict.js"></script>';
  writeFileSync(join(work, 'element.html'), `<!doctype html><link rel="icon" href="data:,"><title>README</title>${script}${element}`);
  await page.goto(`${site.origin}/element.html`);
  // It is read first, and has no words.
  await page.locator('[part=status]', { hasText: 'No words were found' }).waitFor();
});

test('the program in the README prints its verdict', () => {
  const [program] = blocks('js node');
  writeFileSync(join(work, 'program.js'), program);
  const printed = execFileSync(fileURLToPath(new URL('node_modules/.bin/node', import.meta.url)), ['program.js'], { cwd: work, encoding: 'utf8' });
  assert.match(printed, /^(no )?hate 0\.\d+\n$/);
});
