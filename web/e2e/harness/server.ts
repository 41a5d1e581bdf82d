/** The real program on a database of its own, for one test. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const web = new URL("../../", import.meta.url).pathname;
/** Where cargo puts the programs. */
export const programs = process.env["NEXAVPN_PROGRAMS"] ?? join(web, "../target/debug");

/** The first admin's one-time password, and what it is changed to. */
export const ONE_TIME = "one time password of the first start";
export const PASSWORD = "correct horse battery staple";
export const ADMIN = "admin";

/** Long enough for a machine with other things to do; waiting ends as soon as there is an answer. */
export const WIDE = 60_000;

/** Asks until it holds. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + WIDE;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited in vain until ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface Server {
  /** Where the pages are. */
  readonly url: string;
  /** Where the program itself answers: the same, unless the pages come from Vite. */
  readonly api: string;
  readonly stop: () => Promise<void>;
}

async function answersAt(child: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const url = /answers at\s+(http:\S+)/.exec(said)?.[1];
      if (url !== undefined) {
        resolve(url.replace(/\/$/, ""));
      }
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.on("exit", (code) => reject(new Error(`nexavpn ended with ${code}:\n${said}`)));
  });
}

/**
 * Starts it with an empty database. `NEXAVPN_E2E_VITE=1` serves the pages from their sources, for
 * whoever works on them. `flags` are those of `nexavpn serve`.
 */
export async function startServer(...flags: string[]): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), "nexavpn-e2e-"));
  // Never somebody's own database.
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(
    join(programs, "nexavpn"),
    ["serve", "--data-dir", join(dir, "data"), "--listen", "127.0.0.1:0", "--rate-per-address", "0", ...flags],
    {
      env: { ...env, NEXAVPN_ADMIN_USERNAME: ADMIN, NEXAVPN_ADMIN_PASSWORD: ONE_TIME },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const api = await answersAt(child);
  let url = api;
  let closeVite = async () => {};
  if (process.env["NEXAVPN_E2E_VITE"] !== undefined) {
    const { createServer } = await import("vite");
    const proxy = { "/api": { target: api }, "/healthz": { target: api } };
    const vite = await createServer({ root: web, server: { port: 0, proxy }, logLevel: "error" });
    await vite.listen();
    url = vite.resolvedUrls?.local[0]?.replace(/\/$/, "") ?? url;
    closeVite = () => vite.close();
  }
  const stop = async () => {
    await closeVite();
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  return { url, api, stop };
}
