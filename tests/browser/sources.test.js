// What an element shows is what is judged, whatever its address gives.
/* global drawn, file, img, judge, svg */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { blank, demo, launch, listen, pack, picture } from './harness.js';

let browser, site, images, page;
/** How often each path was asked for. */
const asked = {};
before(async () => {
  browser = await launch();
  site = await demo('--weights', pack('tiny', 'f32'));
  images = await listen(({ url }, response) => {
    asked[url] = (asked[url] ?? 0) + 1;
    if (url.startsWith('/never/')) return;
    const open = url.startsWith('/closed/') ? {} : { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
    response.writeHead(200, { 'content-type': 'image/png', 'cache-control': 'no-store', ...open });
    const [, placeholder = 'exact.png'] = /^\/changing\/(.*)/.exec(url) ?? [];
    response.end(picture(asked[url] > 1 ? placeholder : 'exact.png'));
  });
  const opened = await blank(browser, site.origin);
  page = opened.page;
  await opened.open('/weights/', { device: 'cpu' });
  await page.evaluate(([origin, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const file = new Blob([bytes], { type: 'image/png' });
    Object.assign(globalThis, {
      origin,
      file,
      /** The logits of a verdict, or the error's code. */
      judge: (image) => clf.classify(image, { text: '', tasks: ['hate'] }).then(({ tasks }) => tasks.hate.logits, ({ code }) => code),
      /** An `img` that shows its address. */
      async img(src, attributes = {}) {
        const element = Object.assign(new Image(), attributes, { src });
        await element.decode();
        return element;
      },
      /** SVG that fills its area, opaque. */
      svg: (size) => `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect width="100%" height="100%" fill="#c33"/><circle cx="50" cy="50" r="40" fill="#fff"/></svg>`,
      /** The pixels that the browser draws for an element. */
      drawn(element, width = element.naturalWidth, height = element.naturalHeight) {
        const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
        context.drawImage(element, 0, 0, width, height);
        return context.getImageData(0, 0, width, height);
      },
    });
  }, [images.origin, picture('exact.png').toString('base64')]);
});
after(async () => {
  await browser?.close();
  site?.stop();
  images?.stop();
});

/** Runs `look` in the page: what it gives by two ways must be the same verdict. */
async function same(look, parameter) {
  const [found, expected] = await page.evaluate(look, parameter);
  assert.ok(Array.isArray(expected), `the expected verdict: ${expected}`);
  assert.deepEqual(found, expected);
}

test('an img whose blob is revoked once it has loaded', () =>
  same(async () => {
    const address = URL.createObjectURL(file);
    const element = await img(address);
    URL.revokeObjectURL(address);
    return [await judge(element), await judge(file)];
  }));

test('the same, observed', async () => {
  await same(async () => {
    const address = URL.createObjectURL(file);
    const element = await img(address, { width: 200, height: 200 });
    URL.revokeObjectURL(address);
    document.body.append(element);
    const { tasks } = await new Promise((onVerdict, onError) => {
      clf.observe(document, { threshold: 0, onVerdict: (_, verdict) => onVerdict(verdict), onError: (_, error) => onError(error) });
    });
    element.remove();
    const { tasks: expected } = await clf.classify(file);
    return [tasks.hate.logits, expected.hate.logits];
  });
});

test('an address that answers with another image the second time', async () => {
  for (const placeholder of ['pixel.png', 'tall.jpg']) {
    asked[`/changing/${placeholder}`] = 0;
    await same(async (name) => [await judge(await img(`${origin}/changing/${name}`, { crossOrigin: '' })), await judge(file)], placeholder);
  }
  assert.deepEqual([asked['/changing/pixel.png'], asked['/changing/tall.jpg']], [2, 2]);
  // The page may not read the pixels that it shows: the other image is not judged in their place.
  asked['/changing/tall.jpg'] = 0;
  const code = await page.evaluate(async () => judge(await img(`${origin}/changing/tall.jpg`)));
  assert.equal(code, 'image/unreadable');
});

test('an img in a smaller size, for a screen of a higher density', () =>
  same(async () => {
    const element = await img('', { srcset: `${origin}/a.png 1.3x` });
    if (element.naturalWidth === drawn(await img(`${origin}/a.png`, { crossOrigin: '' })).width) return ['the density has no effect'];
    return [await judge(element), await judge(file)];
  }));

test('SVG, with a size and without', async () => {
  for (const size of ['width="100" height="100"', 'viewBox="0 0 100 100"']) {
    const [found, expected] = await page.evaluate(async (size) => {
      const element = await img(URL.createObjectURL(new Blob([svg(size)], { type: 'image/svg+xml' })));
      return [await judge(element), await judge(drawn(element))];
    }, size);
    assert.ok(Array.isArray(expected), size);
    assert.deepEqual(found, expected, size);
  }
});

test('a picture, an image in SVG, an img of another document', async () => {
  await same(async () => {
    const picture = document.createElement('picture');
    picture.append(await img(URL.createObjectURL(file)));
    return [await judge(picture), await judge(file)];
  });
  await same(async () => {
    const image = document.createElementNS('http://www.w3.org/2000/svg', 'image');
    image.setAttribute('href', URL.createObjectURL(file));
    return [await judge(image), await judge(file)];
  });
  await same(async () => {
    const frame = document.body.appendChild(document.createElement('iframe'));
    const element = frame.contentDocument.body.appendChild(frame.contentDocument.createElement('img'));
    element.src = URL.createObjectURL(file);
    await element.decode();
    return [await judge(element), await judge(file)];
  });
});

test('a video: its poster, then its frame; and a single frame', async () => {
  const outcome = await page.evaluate(async () => {
    const source = drawn(await img(URL.createObjectURL(file)));
    const canvas = Object.assign(document.createElement('canvas'), { width: source.width, height: source.height });
    const context = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream());
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.start();
    for (let i = 0; i < 10; i++) {
      context.putImageData(source, 0, 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await new Promise((resolve) => {
      recorder.onstop = resolve;
      recorder.stop();
    });
    const video = document.createElement('video');
    const early = await judge(video);
    Object.assign(video, { muted: true, poster: URL.createObjectURL(file), src: URL.createObjectURL(new Blob(parts)) });
    await new Promise((resolve) => (video.onloadeddata = resolve));
    const poster = await judge(video);
    await video.play();
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    video.pause();
    // A frame that was on its way may still be shown; after this, none follows.
    video.currentTime = 0;
    await new Promise((resolve) => (video.onseeked = resolve));
    const frame = new VideoFrame(video);
    // To its very start, where it had the poster.
    const sought = Object.assign(document.createElement('video'), { muted: true, poster: video.poster, src: video.src });
    await new Promise((resolve) => (sought.onloadeddata = resolve));
    sought.currentTime = 0;
    await new Promise((resolve) => (sought.onseeked = resolve));
    return {
      early,
      poster: [poster, await judge(file)],
      video: [await judge(video), await judge(drawn(video, video.videoWidth, video.videoHeight))],
      sought: [await judge(sought), await judge(drawn(sought, video.videoWidth, video.videoHeight))],
      frame: [await judge(frame), await judge(drawn(frame, frame.displayWidth, frame.displayHeight))],
    };
  });
  assert.equal(outcome.early, 'image/unreadable');
  for (const kind of ['poster', 'video', 'sought', 'frame']) {
    const [found, expected] = outcome[kind];
    assert.ok(Array.isArray(expected), kind);
    assert.deepEqual(found, expected, kind);
  }
});

test('images that never arrive hold up no others', async () => {
  await same(async () => {
    const stop = new AbortController();
    const never = Array.from({ length: 8 }, (_, i) => clf.classify(`${origin}/never/${i}.png`, { text: '', signal: stop.signal }).catch(() => {}));
    const reader = new FileReader();
    await new Promise((resolve) => {
      reader.onload = resolve;
      reader.readAsDataURL(file);
    });
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, 'it waits'));
    const found = await Promise.race([judge(reader.result), late]);
    stop.abort();
    await Promise.all(never);
    return [found, await judge(file)];
  });
});

test('a response, and the files of an input', async () => {
  const { responses, missing, used, list, none, reading } = await page.evaluate(async () => {
    const files = (...parts) => {
      const transfer = new DataTransfer();
      for (const part of parts) transfer.items.add(new File([part], 'meme.png', { type: 'image/png' }));
      return transfer.files;
    };
    const response = await fetch(`${origin}/a.png`);
    const answers = await clf.classify(files(file, 'no image'), { text: ['', ''], tasks: ['hate'] });
    return {
      responses: [await judge(response), await judge(file)],
      used: await judge(response),
      missing: await judge(new Response('', { status: 404 })),
      list: [answers.map(({ tasks, code }) => tasks?.hate.logits ?? code), await judge(file)],
      none: await clf.classify(files()),
      reading: await clf.read(files(file)).catch(({ code }) => code),
    };
  });
  assert.ok(Array.isArray(responses[1]));
  assert.deepEqual(responses[0], responses[1]);
  assert.deepEqual([used, missing], ['image/unreadable', 'image/unreadable']);
  assert.deepEqual(list[0], [list[1], 'image/not-an-image']);
  assert.deepEqual(none, []);
  assert.equal(reading, 'argument');
});

test('an image that the page may not read is refused', async () => {
  assert.equal(await page.evaluate(async () => judge(await img(`${origin}/closed/a.png`))), 'image/unreadable');
});
