import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** What a file is instead of there. */
const ABSENT = ['ENOENT', 'ENOTDIR'];

/**
 * A file, as `fetch` answers with one of the web.
 * @param {string | URL} address
 */
export async function fetchFile(address) {
  try {
    const bytes = await readFile(fileURLToPath(address));
    const type = String(address).endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream';
    return new Response(bytes, { headers: { 'content-type': type, 'content-length': String(bytes.length) } });
  } catch (error) {
    if (ABSENT.includes(/** @type {any} */ (error).code)) return new Response(null, { status: 404 });
    throw error;
  }
}
