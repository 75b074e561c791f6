// Memory of a browser's pages, as Linux counts it.

import { readFileSync } from 'node:fs';

/**
 * Bytes that the browser's renderers and its GPU process hold, all pages together: anonymous and shared memory, without
 * files mapped in, which is the browser's own code. The browser's main process is left out: it holds, for pages of a
 * private context, what would lie on the disk.
 */
export function held(browser) {
  let bytes = 0;
  for (const pid of descendants(browser)) {
    try {
      const kind = /--type=([\w-]+)/.exec(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))?.[1];
      if (kind !== 'renderer' && kind !== 'gpu-process') continue;
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      for (const [, kib] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+)/gm)) bytes += 1024 * kib;
    } catch (error) {
      // It has ended meanwhile.
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    }
  }
  return bytes;
}

function descendants(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
  return children.flatMap((child) => {
    try {
      return [child, ...descendants(child)];
    } catch {
      return [];
    }
  });
}

/** Waits until memory has come to rest: a page that was closed goes by and by. */
export async function rest(browser) {
  for (let before = Infinity, now = held(browser); Math.abs(before - now) > 2 ** 20; now = held(browser)) {
    before = now;
    await new Promise((later) => setTimeout(later, 1000));
  }
}

/** Samples every 20 ms; `stop` returns how far memory rose above what it was at the start. */
export function watch(browser) {
  const start = held(browser);
  let peak = start;
  const timer = setInterval(() => (peak = Math.max(peak, held(browser))), 20);
  return {
    stop() {
      clearInterval(timer);
      return peak - start;
    },
  };
}
