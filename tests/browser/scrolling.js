// Measures what the extension costs a page of 500 pictures while it is scrolled through: long tasks of the page's thread
// and late frames, without the extension and with it. Run it by hand; the figures are in BENCHMARKS.md.

import { endless, start } from './extension.js';

for (const extension of [false, true, false, true]) {
  const it = await start({ extension });
  try {
    if (extension) await it.set({ hate: 0 });
    const page = await it.open(endless);
    await page.mouse.move(500, 400);
    await page.waitForTimeout(3000);
    await page.evaluate(() => {
      globalThis.long = [];
      globalThis.frames = [];
      new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
      requestAnimationFrame(function frame(now) {
        frames.push(now);
        requestAnimationFrame(frame);
      });
    });
    const end = () => page.evaluate(() => document.images.length >= 500 && scrollY + innerHeight >= document.documentElement.scrollHeight - 10);
    while (!(await end())) {
      await page.mouse.wheel(0, 400);
      await page.waitForTimeout(100);
    }
    const { long, frames } = await page.evaluate(() => ({ long, frames }));
    const gaps = frames.slice(1).map((now, i) => now - frames[i]);
    const late = gaps.filter((gap) => gap > 25).length;
    const longest = Math.max(0, ...long).toFixed(0);
    console.log(`${extension ? 'with' : 'without'}: ${long.length} long tasks (longest ${longest} ms), ${late} of ${gaps.length} frames late`);
  } finally {
    await it.stop();
  }
}
