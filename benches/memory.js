// Measures the memory of a browser's pages, on Linux.

import { readFileSync } from 'node:fs';

/**
 * Bytes held by the browser's renderers and its GPU process, for all pages: anonymous and shared memory, without mapped
 * files, which are the browser's own code. Excludes the main process, which holds for private contexts what would otherwise
 * be on disk.
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
      // The process has ended meanwhile.
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

/** Waits until memory is stable: a closed page frees its memory gradually. */
export async function rest(browser) {
  for (let before = Infinity, now = held(browser); Math.abs(before - now) > 2 ** 20; now = held(browser)) {
    before = now;
    await new Promise((later) => setTimeout(later, 1000));
  }
}

/** Samples memory every 20 ms; `stop` returns its highest rise since the start. */
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
