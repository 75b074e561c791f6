// The program's own server, and what it builds.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO, demo, manifest, pack } from './harness.js';

let site, weights;
before(async () => {
  weights = pack('tiny', 'q8');
  site = await demo('--weights', weights);
});
after(() => site?.stop());

test('files come with their kind, isolated from other sites', async () => {
  const kinds = {
    '/memeclip/memeclip.js': 'text/javascript; charset=utf-8',
    '/memeclip/pkg/relaxed_bg.wasm': 'application/wasm',
    '/weights/manifest.json': 'application/json',
  };
  for (const [path, kind] of Object.entries(kinds)) {
    const { status, headers } = await fetch(site.origin + path);
    assert.equal(status, 200, path);
    assert.equal(headers.get('content-type'), kind);
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(headers.get('cross-origin-embedder-policy'), 'require-corp');
    // The page's own, and what only a header can say.
    const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(readFileSync(join(DEMO, 'index.html'), 'utf8'));
    assert.equal(headers.get('content-security-policy'), `${policy}; frame-ancestors 'none'`);
    assert.equal(headers.get('cache-control'), 'no-cache');
  }
});

test('parts of a shard', async () => {
  const { file, bytes } = manifest(weights).components.vision.shards[0];
  const whole = readFileSync(join(weights, file));
  const ask = (range) => fetch(`${site.origin}/weights/${file}`, { headers: range ? { range } : {} });
  const all = await ask();
  assert.deepEqual([all.status, all.headers.get('content-length')], [200, String(bytes)]);
  assert.match(all.headers.get('cache-control'), /immutable/);
  assert.ok(whole.equals(Buffer.from(await all.arrayBuffer())));
  const part = await ask('bytes=1000-');
  assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 1000-${bytes - 1}/${bytes}`]);
  assert.ok(whole.subarray(1000).equals(Buffer.from(await part.arrayBuffer())));
  assert.equal((await ask(`bytes=${bytes}-`)).status, 416);
});

test('nothing else is served', async () => {
  // As it stands: fetch would tidy the path.
  const { port } = new URL(site.origin);
  const status = (path) =>
    new Promise((resolve) => get({ host: '127.0.0.1', port, path }, (answer) => resolve(answer.resume().statusCode)));
  for (const path of ['/../Cargo.toml', '/weights/../../../Cargo.toml', '/%2e%2e/Cargo.toml', '/weights/', '/memeclip/pkg', '/nothing.js'])
    assert.equal(await status(path), 404, path);
  assert.equal((await fetch(`${site.origin}/memeclip/memeclip.js`, { method: 'POST', body: 'x' })).status, 405);
});

test('many connections at once are all answered', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(`${site.origin}/memeclip/memeclip.js`).then((answer) => answer.text())));
  assert.equal(new Set(answers).size, 1);
});
