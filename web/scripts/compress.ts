/**
 * Writes a `.br` and a `.gz` beside each text file of the build, so that the server need not
 * compress the same bytes for everybody.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = new URL("../dist", import.meta.url).pathname;
/** Smaller ones fit in a packet as they are. */
const worthIt = 1024;

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  // The page itself is not sent as it is: each answer has a nonce of its own.
  if (!entry.isFile() || !/\.(js|css|svg)$/.test(entry.name)) {
    continue;
  }
  const bytes = readFileSync(path);
  if (bytes.length < worthIt) {
    continue;
  }
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
