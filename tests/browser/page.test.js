// The page as people use it, in Chromium, with the default pack.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { demo, fileAt, launch } from './harness.js';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const SAMPLES = JSON.parse(await readFile(file('../../www/demo/samples/samples.json')));
const CAPTIONS = JSON.parse(await readFile(file('../goldens/ocr/captions.json')));
const JPEG = file(`../../www/demo/samples/${SAMPLES[0].file}`);
/** It has words on it, unlike the one above. */
const WORDS = file('../../www/demo/samples/pride-heart-enough.jpg');
const NO_IMAGE = file('page.test.js');
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser, site;
before(async () => {
  [browser, site] = await Promise.all([launch(), demo()]);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** Opens the page, hands it to `use`, and checks that it logged no error (a broken content security policy is one). */
async function withPage(use, { query = '?device=cpu', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  try {
    await page.goto(`${site.origin}/${query}`);
    await page.waitForSelector('.thumbs button');
    await use(page, context);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
}

/** Waits for the page to rest, and reads what it shows: `{ hate: { label, shares: { hate: 0.1, ... } }, ... }`. */
async function shown(page) {
  await page.locator('#tasks[aria-busy=false]').waitFor({ state: 'attached' });
  return page.evaluate(() => {
    const tasks = {};
    for (const meter of document.querySelectorAll('.meter')) {
      const [task, name] = meter.ariaLabel.split(': ');
      tasks[task] ??= { label: meter.closest('.task').querySelector('.guess').firstChild.data, shares: {} };
      tasks[task].shares[name] = Number(meter.style.getPropertyValue('--share'));
    }
    return tasks;
  });
}

/** A plain GET for a file of the page or of the pack (an address may name anything, also what was typed), or a preview. */
function isOwnFile(request) {
  if (request === `GET ${site.origin}/?device=cpu` || request.startsWith(`GET blob:${site.origin}/`)) return true;
  const path = request.replace(`GET ${site.origin}/`, '');
  return existsSync(fileAt(`/${path}`, file('../../weights/default')));
}

async function ask(page, picture, words) {
  await page.fill('#text', words);
  await page.setInputFiles('#file', picture);
  return shown(page);
}

const labels = (tasks) => Object.fromEntries(Object.entries(tasks).map(([task, { label }]) => [task, label]));

describe('the page', () => {
  test('shows the same verdicts for a JPEG on the cpu and on WebGPU', async () => {
    const verdicts = [];
    for (const device of ['cpu', 'gpu']) {
      await withPage(
        async (page) => {
          verdicts.push(await ask(page, JPEG, SAMPLES[0].text));
          assert.match(await page.textContent('#facts'), device === 'gpu' ? /DeviceWebGPU/ : /Devicethe CPU/);
        },
        { query: `?device=${device}` },
      );
    }
    const [cpu, gpu] = verdicts;
    assert.deepEqual(Object.keys(cpu), ['hate', 'target', 'stance', 'humor']);
    assert.deepEqual(labels(gpu), labels(cpu));
    for (const task in cpu) {
      for (const name in cpu[task].shares) {
        const difference = Math.abs(cpu[task].shares[name] - gpu[task].shares[name]);
        assert.ok(difference < 0.02, `${task}, ${name}: cpu and gpu differ by ${difference}`);
      }
    }
  });

  test('gives every sample the labels that it was made with', async () => {
    await withPage(async (page) => {
      const files = [...new Set(SAMPLES.map((sample) => sample.file))];
      for (const sample of SAMPLES) {
        await page.locator('.thumbs button').nth(files.indexOf(sample.file)).click();
        if (!sample.written) await page.locator('.chips button').getByText(sample.text, { exact: true }).click();
        const found = labels(await shown(page));
        assert.equal((await page.inputValue('#text')).toLowerCase(), sample.text);
        // A target is labelled for hateful memes only.
        const expected = Object.entries(sample.labels).filter(([, label]) => label !== null);
        for (const [task, label] of expected) assert.equal(found[task], label, `${sample.file}, ${sample.text}: ${task}`);
      }
    });
  });

  test('shows what other words do to the same picture', async () => {
    await withPage(async (page) => {
      const [first, second] = SAMPLES.filter((sample) => sample.file === SAMPLES[0].file);
      await page.locator('.thumbs button').first().click();
      const one = await shown(page);
      await page.locator('.chips button').getByText(second.text, { exact: true }).click();
      const two = await shown(page);
      assert.notDeepEqual(labels(two), labels(one));
      assert.equal(await page.textContent('#comparison q'), first.text);
      const cards = await page.textContent('#tasks');
      for (const task in one) {
        if (one[task].label !== two[task].label) assert.ok(cards.includes(`${two[task].label} before: ${one[task].label}`));
      }
    });
  });

  test('reads the words again while they are typed', async () => {
    await withPage(async (page) => {
      const one = await ask(page, JPEG, SAMPLES[0].text);
      await page.locator('#text').pressSequentially(' not');
      await page.waitForSelector('#comparison:not([hidden])');
      assert.equal(await page.textContent('#comparison q'), SAMPLES[0].text);
      assert.notDeepEqual((await shown(page)).hate.shares, one.hate.shares);
    });
  });

  test('reads the words off the picture, frames them, and takes corrections', async () => {
    const [{ file: name, lines }] = CAPTIONS;
    const text = lines.join(' ');
    await withPage(async (page) => {
      await page.setInputFiles('#file', file(`../goldens/ocr/${name}`));
      const read = await shown(page);
      assert.equal(await page.inputValue('#text'), text);
      const frames = await page.locator('#lines polygon').evaluateAll((all) => all.map((one) => one.getBoundingClientRect()));
      const picture = await page.locator('#preview').evaluate((image) => image.getBoundingClientRect());
      assert.ok(frames.length > 0);
      for (const { left, right, top, bottom } of frames) {
        assert.ok(left >= picture.left - 3 && right <= picture.right + 3 && top >= picture.top - 3 && bottom <= picture.bottom + 3);
      }
      await page.fill('#text', 'something else');
      await page.keyboard.press('Enter');
      assert.notDeepEqual(await shown(page), read);
      await page.getByRole('button', { name: 'Read the image again' }).click();
      await page.waitForFunction((text) => document.querySelector('#text').value === text, text);
      assert.deepEqual(await shown(page), read);
    });
  });

  test('explains its guesses', async () => {
    await withPage(async (page) => {
      const [{ file: name, text }] = SAMPLES;
      await ask(page, file(`../../www/demo/samples/${name}`), text);
      await page.getByRole('button', { name: 'Explain this guess' }).click();
      const words = page.locator('#why .words li');
      await words.first().waitFor();
      assert.deepEqual(await words.evaluateAll((all) => all.map((word) => word.firstChild.data)), text.split(' '));
      const [, both] = await page.locator('#why tbody tr').first().locator('td').allTextContents();
      assert.equal(both, await page.locator('.task').first().locator('.best .share').textContent());
      assert.equal(await page.locator('#why tbody tr').count(), 3);
      // As the API has it, which other tests hold against PyTorch.
      const changes = await page.evaluate(async ([name, text]) => {
        const { MemeClip } = await import('./memeclip/memeclip.js');
        const clf = await MemeClip.load('weights/', { device: 'cpu' });
        const { tasks, words } = await clf.explain(`samples/${name}`, { text });
        clf.dispose();
        const guess = tasks.hate.both.hate > 0.5 ? 'hate' : 'no hate';
        return words.map(({ tasks }) => tasks.hate[guess]);
      }, [name, text]);
      const drawn = await words.evaluateAll((all) =>
        all.map((word) => (word.matches('.against') ? -1 : 1) * word.style.getPropertyValue('--weight')),
      );
      assert.ok(changes.some((change) => change < -1e-3) && changes.some((change) => change > 1e-3), `${changes}`);
      changes.forEach((change, i) => assert.ok(Math.abs(drawn[i] - change) < 1e-4, `${drawn} instead of ${changes}`));
      await page.selectOption('#why select', 'stance');
      const [guess] = await page.locator('#why tbody tr').first().locator('td').allTextContents();
      assert.equal(guess, await page.locator('.task').nth(2).locator('.guess').evaluate((guess) => guess.firstChild.data));
      await page.getByLabel('Show where in the image it looked').check();
      assert.ok(await page.isVisible('#regions'));
      // What is veiled least is what it looked at most.
      const veil = await page.locator('#regions').evaluate((canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return [Math.min(...data.filter((_, i) => i % 4 === 3)), Math.max(...data.filter((_, i) => i % 4 === 3))];
      });
      assert.ok(veil[0] === 0 && veil[1] > 0, `${veil}`);
      await page.fill('#text', 'other words');
      await page.keyboard.press('Enter');
      await shown(page);
      assert.equal(await page.isVisible('#why .reasons'), false);
      assert.equal(await page.isVisible('#regions'), false);
    });
  });

  test('shows the verdict of the newest request only', async () => {
    await withPage(async (page) => {
      const expected = await ask(page, JPEG, SAMPLES[1].text);
      await page.evaluate((texts) => {
        const { text, meme } = window;
        for (const words of texts) {
          text.value = words;
          meme.requestSubmit();
        }
      }, [SAMPLES[0].text, 'something else', SAMPLES[0].text, SAMPLES[1].text]);
      assert.deepEqual(await shown(page), expected);
      await page.waitForTimeout(500);
      assert.deepEqual(await shown(page), expected);
    });
  });

  test('works by keyboard alone', async () => {
    await withPage(async (page) => {
      const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
      // Long before the key, lest the browser open a dialog of its own: it is told to hand choosers over only now.
      const asked = page.waitForEvent('filechooser');
      await page.keyboard.press('Tab');
      assert.match(await focused(), /asked for/);
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'file');
      assert.notEqual(await page.locator('.drop label').evaluate((label) => getComputedStyle(label).outlineStyle), 'none');
      await page.keyboard.press('Space');
      await (await asked).setFiles(JPEG);
      const without = await shown(page);
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'text');
      await page.keyboard.type(SAMPLES[0].text);
      await page.keyboard.press('Enter');
      const one = await shown(page);
      assert.notDeepEqual(one, without);
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'read');
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'Classify');
      await page.keyboard.press('Enter');
      assert.deepEqual(await shown(page), one);
    });
  });

  test('takes pasted and dropped pictures', async () => {
    await withPage(async (page) => {
      const expected = await ask(page, WORDS, '');
      assert.ok(expected.hate);
      const bytes = [...(await readFile(WORDS))];
      for (const kind of ['paste', 'drop']) {
        await page.reload();
        await page.waitForSelector('.task');
        await page.evaluate(
          ([kind, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], `${kind}.jpg`, { type: 'image/jpeg' }));
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(
              kind === 'paste'
                ? new ClipboardEvent(kind, { ...options, clipboardData: data })
                : new DragEvent(kind, { ...options, dataTransfer: data }),
            );
          },
          [kind, bytes],
        );
        assert.deepEqual(await shown(page), expected, kind);
        assert.equal(await page.getAttribute('#preview', 'alt'), `${kind}.jpg`);
      }
    });
  });

  test('says in place what is wrong with a file, and takes the next', async () => {
    await withPage(async (page) => {
      await ask(page, NO_IMAGE, '');
      assert.equal(await page.textContent('#error code'), 'image/not-an-image');
      assert.match(await page.textContent('#error .message'), /page\.test\.js: .*PNG, JPEG/);
      assert.equal(await page.locator('.meter').count(), 0);
      const verdict = await ask(page, WORDS, '');
      assert.ok(verdict.hate);
      assert.equal(await page.isVisible('#error'), false);
    });
  });

  test('holds back where it finds no words, and judges the image alone when asked to', async () => {
    await withPage(async (page) => {
      assert.deepEqual(await ask(page, JPEG, ''), {});
      assert.match(await page.textContent('#status'), /No words were found/);
      assert.equal(await page.isVisible('#why'), false);
      await page.click('button.primary');
      await page.waitForSelector('.meter');
      assert.ok((await shown(page)).hate);
      assert.match(await page.textContent('#status'), /the verdict is on the image alone/);
    });
  });

  test('says in place that a pack is missing, an address none, or a device unknown', async () => {
    for (const [query, code] of [
      ['?weights=no-such-pack/', 'pack/manifest'],
      ['?weights=http://[', 'argument'],
      ['?device=abacus', 'argument'],
    ]) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${site.origin}/${query}`);
      await page.waitForSelector('#error:not([hidden])');
      assert.equal(await page.textContent('#error code'), code);
      if (query === '?device=abacus') {
        await page.check('[name=device][value=cpu]');
        assert.ok((await ask(page, WORDS, '')).hate);
      }
      await context.close();
    }
  });

  test('shows how much is loaded, and stops when told to', async () => {
    await withPage(async (page, context) => {
      let first = true;
      await context.route('**/*.safetensors', (route) => {
        if (first) route.continue();
        first = false;
      });
      await page.fill('#text', 'words');
      await page.setInputFiles('#file', JPEG);
      await page.locator('#progress-text', { hasText: /^Loading weights: [\d.]+ MB of [\d.]+ MB$/ }).waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      assert.match(await page.textContent('#status'), /^Stopped/);
      await context.unrouteAll({ behavior: 'ignoreErrors' });
      await page.getByRole('button', { name: 'Classify' }).click();
      assert.ok((await shown(page)).hate);
    });
  });

  test('says what its pack costs here before anything of it is loaded', async () => {
    await withPage(async (page, context) => {
      const weights = [];
      context.on('request', (request) => request.url().endsWith('.safetensors') && weights.push(request.url()));
      await page.locator('#cost', { hasText: /^[\d.]+ MB to download, [\d.]+ MB more to read text from images, about \d+ ms a meme on the CPU \(.*\)$/ }).waitFor();
      assert.ok(!(await page.isVisible('#weights')), 'there is nothing to choose');
      assert.deepEqual(weights, []);
      await ask(page, JPEG, 'one');
      assert.ok(weights.length > 0);
      const kept = page.locator('#cost', { hasText: /^0\.0 MB to download, [\d.]+ MB more to read text from images, [\d.]+ MB kept here, about/ });
      await kept.waitFor();
      await page.reload();
      await kept.waitFor();
    });
  });

  test('asks for its own files and the pack, and for the weights once', async () => {
    const context = await browser.newContext();
    const requests = [];
    context.on('request', (request) => requests.push(`${request.method()} ${request.url()}`));
    const weights = () => requests.filter((request) => request.endsWith('.safetensors'));
    try {
      const page = await context.newPage();
      const visit = async (words) => {
        await page.goto(`${site.origin}/?device=cpu`);
        await page.waitForSelector('.thumbs button');
        await ask(page, JPEG, words);
      };
      await visit('one');
      const fetched = weights().length;
      assert.ok(fetched > 0);
      assert.equal(new Set(weights()).size, fetched);
      // The manifest is kept beside the weights.
      await page.waitForFunction(async (count) => {
        const name = (await caches.keys()).find((name) => name !== 'memeclip page');
        return (await (await caches.open(name)).keys()).length === count;
      }, fetched + 1);
      const before = requests.length;
      await page.fill('#text', 'two');
      await page.getByRole('button', { name: 'Classify' }).click();
      await shown(page);
      assert.deepEqual(requests.slice(before), []);
      await visit('three');
      assert.equal(weights().length, fetched);
      assert.deepEqual(requests.filter((request) => !isOwnFile(request)), []);
    } finally {
      await context.close();
    }
  });

  test('holds one object URL, whatever number of pictures', async () => {
    await withPage(async (page) => {
      const before = await page.evaluate(() => {
        window.held = new Set();
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (blob) => {
          const url = createObjectURL.call(URL, blob);
          window.held.add(url);
          return url;
        };
        URL.revokeObjectURL = (url) => {
          window.held.delete(url);
          revokeObjectURL.call(URL, url);
        };
        return window.held.size;
      });
      assert.equal(before, 0);
      for (let i = 0; i < 3; i++) await ask(page, JPEG, `${i}`);
      assert.equal(await page.evaluate(() => window.held.size), 1);
    });
  });

  test('never keeps the main thread for more than 200 ms', async () => {
    await withPage(async (page) => {
      await page.evaluate(() => {
        window.longest = 0;
        new PerformanceObserver((list) => {
          for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
        }).observe({ type: 'longtask' });
      });
      // The observer does see a long task.
      await page.evaluate(() => {
        setTimeout(() => {
          const end = performance.now() + 100;
          while (performance.now() < end);
        });
      });
      await page.waitForFunction(() => window.longest >= 100);
      await page.evaluate(() => (window.longest = 0));
      for (const sample of SAMPLES) await ask(page, JPEG, sample.text);
      const longest = await page.evaluate(() => window.longest);
      assert.ok(longest <= 200, `a task of ${longest} ms`);
    });
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`has no accessibility violation that axe finds, ${colorScheme}`, async () => {
      for (const width of [360, 1280]) {
        await withPage(
          async (page) => {
            const check = async (state) => {
              await page.evaluate(AXE);
              const { violations } = await page.evaluate(() => window.axe.run());
              assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), [], state);
              assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${state}: too wide`);
            };
            await check('empty');
            await page.locator('.thumbs button').first().click();
            await shown(page);
            await page.locator('.chips button').nth(1).click();
            await page.waitForSelector('#comparison:not([hidden])');
            await check('verdict');
            await page.getByRole('button', { name: 'Explain this guess' }).click();
            await page.waitForSelector('#why .words li');
            await check('explanation');
            await ask(page, NO_IMAGE, '');
            await check('error');
          },
          { colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' },
        );
      }
    });
  }
});
