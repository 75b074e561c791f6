// ViT-L/14 at full size as q4, in the browser, against PyTorch (tests/reference/goldens.py). It takes minutes: the
// software WebGPU adapter computes on the CPU, and not well.

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { blank, cosine, demo, launch, pack, picture, root, untested } from './harness.js';

const [golden] = JSON.parse(readFileSync(join(root, 'tests/goldens/vit-l-14.json'))).memes;
let browser, site, weights;

before(async () => {
  const sealed = pack('vit-l-14', 'q4', ['hate', 'target', 'stance', 'humor']);
  // The self-test would take as long again.
  weights = untested(sealed, `${sealed}-untested`);
  // Gigabytes.
  for (const folder of [sealed, join(root, 'target/tmp/browser/vit-l-14')]) rmSync(folder, { recursive: true });
  browser = await launch();
  site = await demo('--weights', weights);
});
after(async () => {
  await browser?.close();
  site?.stop();
  rmSync(weights, { recursive: true, force: true });
});

for (const device of ['cpu', 'gpu']) {
  test(`on the ${device}`, async () => {
    const { open, run } = await blank(browser, site.origin);
    assert.equal((await open('/weights/', { device })).error, undefined);
    const { verdict, error } = await run(picture(golden.image), { text: golden.text, features: true });
    assert.equal(error, undefined);
    const [image, text] = ['image', 'text'].map((name) => cosine(verdict.features[name], golden[`${name}_feature`]));
    console.log(`${verdict.device}: cosine image ${image.toFixed(5)}, text ${text.toFixed(5)};`, verdict.timings);
    // As natively; see tests/parity.rs.
    assert.ok(image >= 0.95 && text >= 0.95, `cosines ${image}, ${text}`);
    for (const [task, logits] of Object.entries(golden.logits)) {
      const worst = Math.max(...logits.map((logit, i) => Math.abs(logit - verdict.tasks[task].logits[i])));
      assert.ok(worst < 0.05, `${task}: ${verdict.tasks[task].logits} for ${logits}`);
    }
  });
}
