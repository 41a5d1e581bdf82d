/** The way from a browser to the server, which can be cut. */

import { type AddressInfo, connect, createServer, type Socket } from "node:net";

import type { Server } from "./server.ts";

export interface Line {
  /** The server at the end of the line. */
  readonly server: Server;
  /** Breaks what is connected, and lets nobody through. */
  readonly cut: () => void;
  readonly mend: () => void;
  readonly stop: () => Promise<void>;
}

export async function startLine(server: Server): Promise<Line> {
  const { hostname, port } = new URL(server.url);
  const sockets = new Set<Socket>();
  let whole = true;
  const listener = createServer((socket) => {
    if (!whole) {
      socket.destroy();
      return;
    }
    const onward = connect(Number(port), hostname);
    for (const [from, to] of [[socket, onward], [onward, socket]] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, hostname, resolve));
  const cut = () => {
    whole = false;
    for (const socket of sockets) {
      socket.destroy();
    }
  };
  return {
    server: { ...server, url: `http://${hostname}:${(listener.address() as AddressInfo).port}` },
    cut,
    mend: () => {
      whole = true;
    },
    stop: async () => {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
