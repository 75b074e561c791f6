// The package as npm packs it: from a CDN, through a bundler, and with its files in a folder of the page's own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'vite';
import { empty, host, install, launch, pack, picture, root } from './harness.js';

const work = join(root, 'target/tmp/browser/package');
const cors = { 'access-control-allow-origin': '*' };
let browser, installed;
const stops = [];
before(async () => {
  installed = install(work);
  cpSync(pack('tiny', 'q8'), join(work, 'public/weights'), { recursive: true });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  stops.forEach((stop) => stop());
});

async function hosted(...parameters) {
  const { origin, stop } = await host(...parameters);
  stops.push(stop);
  return origin;
}

/** What a page gets that imports the package from `module`. */
function answer(page, module, options = {}) {
  return page.evaluate(async ([module, options, image]) => {
    const { MemeClip } = module ? await import(module) : globalThis;
    const bytes = Uint8Array.from(atob(image), (c) => c.charCodeAt(0));
    try {
      const clf = await MemeClip.load('/weights/', { device: 'cpu', ...options });
      const { device, tasks } = await clf.classify(bytes, { text: 'hello' });
      const { load } = await MemeClip.support({ weights: '/weights/', ...options });
      return { device, label: tasks.hate.label, load };
    } catch ({ code, message }) {
      return { code, message };
    }
  }, [module, options, picture('exact.png').toString('base64')]);
}

function answered({ device, label, load, message }, expected) {
  assert.match(device ?? message, expected);
  assert.match(label, /hate$/);
  assert.equal(load.cached, load.bytes);
  assert.ok(load.code > 1e6, `${load.code} bytes of code`);
}

test('from a CDN, with and without threads', async () => {
  const [site, cdn] = [await hosted(join(work, 'public')), await hosted(installed, cors)];
  for (const [isolated, device] of [[false, /^cpu \(relaxed-simd\)/], [true, /^cpu \(relaxed-simd, 2 threads\)/]]) {
    const page = await empty(browser, site, { isolated });
    answered(await answer(page, `${cdn}/memeclip.js`, { threads: 2 }), device);
  }
});

test('from a folder of another site', async () => {
  const [site, cdn, closed] = [await hosted(join(work, 'public')), await hosted(installed, cors), await hosted(installed)];
  cpSync(installed, join(work, 'public/memeclip'), { recursive: true });
  const page = await empty(browser, site);
  answered(await answer(page, `${site}/memeclip/memeclip.js`, { assets: cdn }), /^cpu/);
  const { code, message } = await answer(page, `${site}/memeclip/memeclip.js`, { assets: closed });
  assert.equal(code, 'network', message);
  assert.match(message, /allow cross-origin reads/);
});

test('through a bundler', async () => {
  writeFileSync(join(work, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><script type="module" src="main.js"></script>');
  writeFileSync(join(work, 'main.js'), "import { MemeClip } from 'memeclip';\nglobalThis.MemeClip = MemeClip;\n");
  await build({ root: work, configFile: false, logLevel: 'warn' });
  const site = await hosted(join(work, 'dist'));
  const page = await browser.newPage();
  await page.goto(`${site}/index.html`);
  answered(await answer(page, undefined, { threads: 2 }), /2 threads/);
});

test('the licences come along, those of all crates in the WebAssembly', () => {
  for (const file of ['LICENSE-MIT', 'LICENSE-APACHE']) assert.ok(existsSync(join(installed, file)), file);
  const licences = readFileSync(join(installed, 'pkg/LICENCES.txt'), 'utf8');
  const of = ['--package', 'memeclip-web', '--no-default-features', '--features', 'relaxed-simd,ocr', '--target', 'wasm32-unknown-unknown', '-e', 'normal,no-proc-macro'];
  const tree = execFileSync('cargo', ['tree', '--locked', '--prefix', 'none', '-f', '{p}', ...of], { cwd: root, encoding: 'utf8' });
  const crates = new Set(tree.split('\n').map((line) => line.split(' ').slice(0, 2)).filter(([name]) => name && !name.startsWith('memeclip')).map(String));
  assert.ok(crates.size > 50, `${crates.size} crates`);
  for (const crate of crates) {
    const [name, version] = crate.split(',');
    assert.ok(licences.includes(`${name} ${version.slice(1)} (`), `${name} ${version}`);
  }
});
