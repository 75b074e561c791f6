// The package as npm installs it, in Node.js, Bun and Deno: the program's verdicts, errors in types, and an end by itself.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { host, install, manifest, memeclip, numbers, pack, root } from './harness.js';

const bin = fileURLToPath(new URL('node_modules/.bin/', import.meta.url));
const runtimes = { node: [], bun: [], deno: ['run', '--allow-read', '--allow-write', '--allow-env', '--allow-sys', '--allow-net'] };
const work = join(root, 'target/tmp/browser/runtimes');
// What is easily lost between paths and addresses.
const odd = join(work, 'a #1 100%25 ü?');
const image = join(odd, 'photo.jpg');
const meme = join(root, 'tests/goldens/ocr/outlined-00.jpg');
const text = 'Nobody: ... Me at 3 AM';
let weights, expected, site;
const requests = [];
before(async () => {
  install(work);
  weights = pack('tiny', 'q8');
  cpSync(weights, join(odd, 'pack'), { recursive: true });
  cpSync(join(root, 'tests/goldens/images/photo.jpg'), image);
  expected = JSON.parse(memeclip('classify', '--weights', weights, '--text', text, '--device', 'cpu', '--json', '--features', image));
  site = await host(odd, {}, ({ url }) => void requests.push(url));
});
after(() => site?.stop());

/** What a program in the project prints as JSON, once it has ended by itself. */
async function run(runtime, program) {
  writeFileSync(join(work, 'main.mjs'), `import { MemeClip, MemeClipError } from 'memeclip';\nimport { readFile } from 'node:fs/promises';\n${program}`);
  const options = { cwd: work, timeout: 120_000, env: { ...process.env, XDG_CACHE_HOME: join(work, 'cache') } };
  return new Promise((resolve, reject) => {
    execFile(join(bin, runtime), [...runtimes[runtime], 'main.mjs'], options, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}${stderr}`, { cause: error })) : resolve(JSON.parse(stdout)),
    );
  });
}

const json = JSON.stringify;

for (const runtime of Object.keys(runtimes)) {
  test(`${runtime}: every kind of image, with and without threads, gets the program's verdict`, async () => {
    const verdicts = await run(runtime, `
      const verdicts = [];
      for (const [weights, threads] of [[${json(join(odd, 'pack'))}, 1], [new URL(${json(pathToFileURL(join(odd, 'pack')).href)}), 2]]) {
        const clf = await MemeClip.load(weights, { threads });
        const bytes = await readFile(${json(image)});
        const images = [${json(image)}, new URL(${json(pathToFileURL(image).href)}), bytes, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
          new Blob([bytes]), new File([bytes], 'photo.jpg'), ${json(site.origin)} + '/photo.jpg', await fetch(${json(site.origin)} + '/photo.jpg'),
          'data:image/jpeg;base64,' + bytes.toString('base64')];
        const text = images.map(() => ${json(text)});
        verdicts.push(...(await clf.classify(images, { text, features: true })).map((answer) => answer.message ?? answer));
      }
      console.log(JSON.stringify(verdicts));`);
    assert.equal(verdicts.length, 18);
    for (const [i, verdict] of verdicts.entries()) {
      assert.equal(typeof verdict, 'object', verdict);
      assert.match(verdict.device, i < 9 ? /^cpu \(relaxed-simd\)/ : /^cpu \(relaxed-simd, 2 threads\)/);
      assert.deepEqual(numbers(verdict), numbers(expected), `image ${i}`);
    }
  });

  test(`${runtime}: text is read as the program reads it`, async () => {
    const { lines } = JSON.parse(memeclip('read', '--json', meme));
    const reading = await run(runtime, `
      const clf = await MemeClip.load(${json(join(root, 'weights/default'))});
      console.log(JSON.stringify(await clf.read(${json(meme)})));`);
    assert.ok(reading.text);
    assert.deepEqual(reading.lines.map(({ text }) => text), lines.map(({ text }) => text));
  });

  test(`${runtime}: errors have types, name the remedy, and do not keep the program running`, async () => {
    const found = await run(runtime, `
      const pack = ${json(join(odd, 'pack'))};
      const clf = await MemeClip.load(pack);
      const failed = (promise) => promise.then(() => 'none', (error) => error instanceof MemeClipError && [error.code, error.message.endsWith(error.remedy) && error.message]);
      const avif = new Uint8Array([0, 0, 0, 28, ...Buffer.from('ftypavif'), 0, 0, 0, 0, ...Buffer.from('avifmif1miaf')]);
      const results = [];
      for (const image of [new Uint8Array([1, 2, 3]), avif, ${json(join(odd, 'none.png'))}, ${json(odd)}, 'http://localhost:1/x.png', { width: 2, height: 2, data: new Uint8Array(3) }, 42])
        results.push(await failed(clf.classify(image, { text: '' })));
      for (const weights of [${json(odd)}, 'hf:no-name']) results.push(await failed(MemeClip.load(weights)));
      results.push(await failed(MemeClip.load(pack, { device: 'gpu' }).then((clf) => clf.classify(${json(image)}, { text: '' }))));
      const stopped = new AbortController();
      const stop = failed(clf.classify(${json(image)}, { text: '', signal: stopped.signal }));
      stopped.abort();
      results.push(await stop);
      clf.dispose();
      results.push(await failed(clf.classify(${json(image)})));
      console.log(JSON.stringify(results));`);
    const codes = ['image/not-an-image', 'image/not-an-image', 'image/unreadable', 'image/unreadable', 'image/unreadable', 'argument', 'argument', 'pack/manifest', 'argument', 'gpu/none', 'aborted', 'argument'];
    assert.deepEqual(found.map(([code]) => code), codes, json(found, null, 1));
    for (const [code, message] of found) assert.ok(message, code);
    assert.match(found[2][1], /there is no such file/);
  });

  test(`${runtime}: a pack from the web is kept, and what is damaged there is fetched again`, async () => {
    const cache = join(work, `kept by ${runtime}`);
    const program = `
      const clf = await MemeClip.load(${json(site.origin)} + '/pack', { cache: ${json(cache)} });
      const verdict = await clf.classify(${json(image)}, { text: ${json(text)}, features: true });
      const { load } = await MemeClip.support({ weights: ${json(site.origin)} + '/pack', cache: ${json(cache)} });
      console.log(JSON.stringify({ verdict, load }));`;
    const asked = async () => {
      requests.length = 0;
      const { verdict, load } = await run(runtime, program);
      assert.deepEqual(numbers(verdict), numbers(expected));
      assert.equal(load.cached, load.bytes);
      return [...new Set(requests.filter((path) => !path.endsWith('manifest.json')))];
    };
    const first = await asked();
    assert.ok(first.length > 2, `${first}`);
    assert.deepEqual(await asked(), []);
    const [folder] = readdirSync(cache);
    const { sha256, file } = manifest(weights).components.vision.shards[0];
    const kept = join(cache, folder, sha256);
    const bytes = readFileSync(kept);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(kept, bytes);
    assert.deepEqual(await asked(), [`/pack/${file}`]);
    assert.deepEqual(await asked(), []);
    assert.ok(!existsSync(join(work, 'cache/memeclip')), 'nothing is kept elsewhere');
  });
}

test('a program that is CommonJS', async () => {
  mkdirSync(join(work, 'cjs'), { recursive: true });
  writeFileSync(join(work, 'cjs/package.json'), '{ "type": "commonjs" }');
  writeFileSync(join(work, 'cjs/main.js'), `const { MemeClip } = require('memeclip');
    MemeClip.support().then(({ supported }) => console.log(JSON.stringify(supported)));`);
  const printed = await new Promise((resolve, reject) => {
    execFile(join(bin, 'node'), ['--no-warnings', join(work, 'cjs/main.js')], (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
  assert.equal(printed, 'true\n');
});
