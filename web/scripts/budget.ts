/**
 * Holds what each page loads first against what it may:
 *
 *     npm run build && npm run budget
 *
 * By the build's manifest: the files that the program and the page import, gzipped, and what their
 * answers have around them. `npm run measure` loads the pages in a browser, which takes longer.
 */

import { readFileSync, statSync } from "node:fs";

/** Of gzipped script, in bytes. */
const BUDGET = 250_000;
/** What is loaded besides: where a gateway has reported traffic, its chart is on the first screen. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  "src/features/home/Home.tsx": ["src/components/Plot.tsx"],
};
/** What the server says with each file: its headers, in bytes. */
const HEADERS = 600;

interface Chunk {
  readonly file: string;
  readonly src?: string;
  readonly imports?: readonly string[];
  readonly dynamicImports?: readonly string[];
}

const dist = new URL("../dist/", import.meta.url).pathname;
const manifest: Readonly<Record<string, Chunk>> = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, "utf8"));

function chunkOf(key: string): Chunk {
  const chunk = manifest[key];
  if (chunk === undefined) {
    throw new Error(`the build's manifest has no ${key}`);
  }
  return chunk;
}

/** As `compress.ts` left it; what was too small for that is sent as it is. */
function sent(file: string): number {
  const gzipped = statSync(`${dist}${file}.gz`, { throwIfNoEntry: false });
  return (gzipped ?? statSync(`${dist}${file}`)).size + HEADERS;
}

/** A file and all that it imports before it runs. */
function needs(key: string, found = new Set<string>()): Set<string> {
  if (!found.has(key)) {
    found.add(key);
    for (const other of chunkOf(key).imports ?? []) {
      needs(other, found);
    }
  }
  return found;
}

const PROGRAM = "index.html";
let over = false;
for (const page of chunkOf(PROGRAM).dynamicImports ?? []) {
  if (!page.startsWith("src/features/")) {
    continue;
  }
  const loaded = needs(page, needs(PROGRAM));
  for (const other of BESIDES[page] ?? []) {
    needs(other, loaded);
  }
  const files = [...loaded];
  const bytes = files.reduce((sum, key) => sum + sent(chunkOf(key).file), 0);
  over ||= bytes > BUDGET;
  const told = `${(bytes / 1000).toFixed(1).padStart(6)} kB in ${String(files.length).padStart(2)} files`;
  console.log(`${told}  ${page}${bytes > BUDGET ? `: more than ${BUDGET / 1000} kB` : ""}`);
}
if (over) {
  process.exitCode = 1;
}
