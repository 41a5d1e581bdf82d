import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the control plane. */
const server = process.env["NEXAVPN_URL"] ?? "http://127.0.0.1:8080";

/** Parts of libraries that only some pages are made of. */
const mantine = "/node_modules/@mantine/core/esm/components/";
const form = /\/node_modules\/(@mantine\/form|klona|fast-deep-equal)\//;
const dialog = new RegExp(`${mantine}Modal(Base)?/|/node_modules/react-remove-scroll`);
const choice = new RegExp(`${mantine}(Select/|Combobox/(?!ComboboxChevron|get-parsed))|/src/components/EntitySelect`);
const apart = [form, dialog, choice];
/** Each is smaller than what its answer has around it, and most pages need several of them. */
const small = /\/src\/(api\/etag|components\/(Facts|NumberField|TimeField|useTab|protocols))\.tsx?$|\/icons\/Icon(Plus|Trash|ChevronDown)\.mjs$/;

/**
 * What is shared is in few files, since each costs a request of its own: what every page needs, what
 * many pages show, and apart from that what only some are made of. `scripts/budget.ts` holds what
 * pages load against what they may.
 */
const groups = [
  { name: "main", tags: ["$initial" as const], priority: 3 },
  { name: "common", test: (id: string) => !apart.some((one) => one.test(id)), minShareCount: 13, priority: 2 },
  { name: "form", test: form, priority: 1 },
  { name: "dialog", test: dialog, priority: 1 },
  { name: "choice", test: choice, priority: 1 },
  { name: "small", test: small, priority: 1 },
];

export default defineConfig({
  plugins: [react()],
  // The server puts a fresh nonce in the place of this word in each answer.
  html: { cspNonce: "__NONCE__" },
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    sourcemap: false,
    manifest: true,
    // React's DOM alone is 200 kB of it.
    chunkSizeWarningLimit: 700,
    rolldownOptions: { output: { codeSplitting: { groups } } },
  },
  server: { proxy: { "/api": { target: server } } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
