// Packs from the web, kept in a folder: a stand-in for the browser's Cache. Whoever reads from it checks the hash.

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entryOf } from '../cache.js';

/** @import { Store } from '../platform.js' */

/**
 * What is kept of the pack at an address.
 * @param {string} base
 * @param {string} [folder] Address of the folder of all packs.
 * @returns {Store}
 */
export function openFolder(base, folder) {
  const pack = join(folder ? fileURLToPath(folder) : usualFolder(), createHash('sha256').update(base).digest('hex'));
  const pathOf = (/** @type {RequestInfo | URL} */ entry) => join(pack, String(entry).slice(entryOf('').length));
  return {
    async match(entry) {
      const bytes = await readFile(pathOf(entry)).catch(() => null);
      return bytes ? new Response(bytes) : undefined;
    },

    // Under its name when it is whole: another process may be reading.
    async put(entry, response) {
      await mkdir(pack, { recursive: true });
      const whole = pathOf(entry);
      const part = `${whole}.${randomUUID()}`;
      try {
        await writeFile(part, new Uint8Array(await response.arrayBuffer()));
        await rename(part, whole);
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
    },

    async delete(entry) {
      await rm(pathOf(entry), { force: true });
      return true;
    },

    async keys() {
      const files = await readdir(pack).catch(() => []);
      return files.map((file) => new Request(entryOf(file)));
    },
  };
}

/** `memeclip` where this system keeps what can be had again. */
function usualFolder() {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (platform() === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'memeclip', 'Cache');
  if (platform() === 'darwin') return join(homedir(), 'Library', 'Caches', 'memeclip');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'memeclip');
}
