// A pack that `memeclip fit` made from a CSV, in the page: the heads that were trained, with their calibration.

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { blank, demo, launch, manifest, memeclip, root } from './harness.js';

const out = join(root, 'target/tmp/browser/fitted');
const memes = join(root, 'tests/memes');
let browser, site;
before(async () => {
  rmSync(out, { recursive: true, force: true });
  memeclip('fit', '--data', join(memes, 'memes.csv'), '--images', join(memes, 'pictures'), '--epochs', '3', '--out', out);
  browser = await launch({ gpu: false });
  site = await demo('--weights', out);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

test('trained heads give in the page the probabilities that they give in the program', async () => {
  const [name, text] = ['00001.webp', 'we stand with my neighbour...'];
  const weights = ['--weights', out, '--device', 'cpu'];
  const expected = JSON.parse(memeclip('classify', ...weights, '--image', join(memes, 'pictures', name), '--text', text, '--json'));
  const { open, run } = await blank(browser, site.origin);
  assert.equal((await open('/weights/', { device: 'cpu' })).error, undefined);
  const { verdict, error } = await run(readFileSync(join(memes, 'pictures', name)), { text });
  assert.equal(error, undefined);
  const { heads } = manifest(out);
  for (const [task, { label, logits, probabilities, zero_shot }] of Object.entries(verdict.tasks)) {
    assert.equal(zero_shot, false);
    assert.equal(label, expected.tasks[task].label);
    assert.notEqual(heads[task].temperature, 1, `${task} was calibrated`);
    const exp = logits.map((logit) => Math.exp(logit / heads[task].temperature));
    const sum = exp.reduce((a, b) => a + b);
    Object.entries(probabilities).forEach(([name, p], i) => {
      assert.ok(Math.abs(p - exp[i] / sum) < 1e-5, `${task}, ${name}: ${p}, not ${exp[i] / sum}`);
      assert.ok(Math.abs(p - expected.tasks[task].probabilities[name]) < 0.02, `${task}, ${name}: as in the program`);
    });
  }
});
