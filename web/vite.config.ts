import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the control plane. */
const server = process.env["NEXAVPN_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // The server puts a fresh nonce in the place of this word in each answer.
  html: { cspNonce: "__NONCE__" },
  build: { target: "es2023", assetsInlineLimit: 0, sourcemap: false },
  server: { proxy: { "/api": { target: server } } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
