// The web server of the comparison. It serves the same files at two origins; one is cross-origin isolated.

import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const blank = '<!doctype html><link rel="icon" href="data:,"><title>bench</title>';
const kinds = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};
const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** The engines. */
const code = {
  ort: join(here, 'node_modules/onnxruntime-web/dist'),
  litert: join(here, 'node_modules/@litertjs'),
  memeclip: join(here, '../www/memeclip'),
};

/** Serves the peers' towers and memeclip's packs in the folder `weights`. */
export async function serve(weights) {
  const folders = {
    page: join(here, 'page'),
    ...code,
    pictures: join(here, '../tests/goldens/images'),
    weights,
  };
  /** Bytes sent since the last `reset`: code, compressed code, and weights. */
  const sent = {};
  const reset = () => Object.assign(sent, { code: 0, gzip: 0, weights: 0 });
  reset();
  const sites = [];
  for (const headers of [{}, isolation]) {
    const server = createServer((request, response) => {
      const path = request.url.split('?')[0];
      // The browser must not cache: each page starts cold, and its memory holds no copies of responses.
      const common = { ...headers, 'cache-control': 'no-store' };
      if (path === '/') return response.writeHead(200, { ...common, 'content-type': 'text/html' }).end(blank);
      const [, folder, ...rest] = path.split('/');
      const file = folders[folder] && join(folders[folder], ...rest);
      if (!file || !existsSync(file)) return response.writeHead(404, common).end();
      const size = statSync(file).size;
      if (folder === 'weights') sent.weights += size;
      if (folder in code) {
        sent.code += size;
        sent.gzip += compressed(file);
      }
      const type = kinds[extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, { ...common, 'content-type': type, 'content-length': size });
      createReadStream(file).pipe(response);
    });
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    sites.push({ server, origin: `http://localhost:${server.address().port}` });
  }
  const stop = () => sites.forEach(({ server }) => server.closeAllConnections() ?? server.close());
  return { plain: sites[0].origin, isolated: sites[1].origin, sent, reset, stop };
}

const sizes = new Map();
function compressed(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(file), { level: 9 }).length);
  return sizes.get(file);
}
