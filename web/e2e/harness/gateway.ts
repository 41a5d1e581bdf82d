/** A real gateway: the agent with WireGuard and nftables, in a network namespace of its own. */

import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { createServer, connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { programs, type Server } from "./server.ts";

/** As root, by sudo where that is somebody else. */
function asRoot(...command: string[]): [string, string[]] {
  const [program = "", ...rest] = command;
  return process.getuid?.() === 0 ? [program, rest] : ["sudo", ["-n", program, ...rest]];
}

function root(...command: string[]): string {
  return execFileSync(...asRoot(...command), { encoding: "utf8" });
}

export interface Gateway {
  /** What the firewall of the node holds. */
  readonly firewall: () => string;
  /** The peers of its WireGuard interface, by their public keys. */
  readonly peers: () => string[];
  readonly stop: () => Promise<void>;
}

/** Joins with a token and runs the agent until it is stopped. */
export async function startGateway(server: Server, token: string): Promise<Gateway> {
  const number = randomInt(0, 65_536);
  const tag = number.toString(16).padStart(4, "0");
  const [space, outside, inside, tunnel] = [`nxe${tag}`, `nxe${tag}o`, `nxe${tag}i`, `nxe${tag}w`];
  const net = `10.213.${number >> 8}`;
  const first = (number & 0xff) & ~3;
  const here = `${net}.${first + 1}`;
  root("ip", "netns", "add", space);
  root("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", space);
  root("ip", "address", "add", `${here}/30`, "dev", outside);
  root("ip", "link", "set", outside, "up");
  const within = (...command: string[]) => ["ip", "netns", "exec", space, ...command];
  root(...within("ip", "address", "add", `${net}.${first + 2}/30`, "dev", inside));
  root(...within("ip", "link", "set", inside, "up"));
  root(...within("ip", "link", "set", "lo", "up"));

  // The control plane answers on the loopback, where browsers take it for safe.
  const target = new URL(server.api);
  const proxy = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[socket, onward], [onward, socket]] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, here, resolve));
  const url = `http://${here}:${(proxy.address() as AddressInfo).port}`;

  const state = join(mkdtempSync(join(tmpdir(), "nexavpn-gateway-")), "state");
  const agent = join(programs, "nexavpn-gateway");
  // Not waiting in the way of the proxy, which this process is.
  const asked = asRoot(...within(agent, "join", url, token, "--insecure", "--state-dir", state));
  try {
    await promisify(execFile)(...asked);
  } catch (error) {
    proxy.close();
    root("ip", "netns", "delete", space);
    throw error;
  }
  const run = within(agent, "run", "--poll-interval", "0.2", "--report-interval", "1");
  const [program, args] = asRoot(...run, "--interface", tunnel, "--state-dir", state);
  let said = "";
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  return {
    firewall: () => root(...within("nft", "list", "ruleset")),
    peers: () => root(...within("wg", "show", tunnel, "peers")).split("\n").filter((key) => key !== ""),
    stop: async () => {
      if (child.exitCode !== null) {
        throw new Error(`the agent had ended with ${child.exitCode}:\n${said}`);
      }
      root("kill", "-TERM", String(child.pid));
      await ended;
      proxy.close();
      root("ip", "netns", "delete", space);
      root("rm", "-rf", state);
    },
  };
}
