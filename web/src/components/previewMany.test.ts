import { expect, test } from "vitest";

import { ApiError, type Schemas } from "../api/client.ts";
import { previewText } from "../text/preview.ts";
import { previewMany, together } from "./previewMany.ts";

type Preview = Schemas["Preview"];

const list = <T>(...items: T[]) => ({ items, total: items.length, truncated: false });

/** Cutting off a device that reached this network. */
function cutOff(device: string, network: string, ...warnings: Preview["warnings"][number]["code"][]): Preview {
  const decider = { default: "deny" } as never;
  return {
    idx: 7,
    events: [],
    devices: { total: 1, gaining: 0, losing: 1, losing_everything: 1, profile_revisions: 1 },
    changes: {
      items: [
        {
          devices: list({ device_id: device } as never),
          gained: list(),
          lost: list({ network, services: [], before: decider, after: decider }),
        },
      ],
      truncated: false,
    },
    gateways: list({ gateway_id: "g", name: "fra-1", revision: 3, devices: 1 }),
    warnings: warnings.map((code) => ({ code, message: code, devices: list(device) })),
  };
}

test("what happens to each is told together: the same once, and the gravest warning first", () => {
  const said = together([
    cutOff("a", "10.2.0.0/16", "everything_lost"),
    cutOff("b", "10.1.0.0/16", "everything_lost"),
    cutOff("c", "10.1.0.0/16", "own_access_lost", "everything_lost"),
  ]);
  expect(said.devices).toMatchObject({ total: 3, losing: 3, losing_everything: 3 });
  const sorts = said.changes.items.map(({ devices, lost }) => [lost.items[0]?.network, devices.total]);
  expect(sorts).toEqual([
    ["10.1.0.0/16", 2],
    ["10.2.0.0/16", 1],
  ]);
  expect(said.gateways).toMatchObject({ total: 1, items: [{ name: "fra-1", devices: 3 }] });
  expect(said.warnings.map(({ code, devices }) => [code, devices.items])).toEqual([
    ["own_access_lost", ["c"]],
    ["everything_lost", ["a", "b", "c"]],
  ]);
});

test("more than can be read are not shown, and that is said", () => {
  const said = together(Array.from({ length: 30 }, (_, n) => cutOff(`d${n}`, `10.${n}.0.0/16`)));
  expect(said.devices.total).toBe(30);
  expect(said.changes.items).toHaveLength(20);
  expect(said.changes.truncated).toBe(true);
});

const refuse = (status: number) => new ApiError(status, { error: { code: "conflict", message: "the last admin" } });

test("one that would be refused stops none of the others", async () => {
  const said = await previewMany(["a", "admin", "b"], (id) =>
    id === "admin" ? Promise.reject(refuse(409)) : Promise.resolve(cutOff(id, "10.1.0.0/16")),
  );
  expect(said.devices.total).toBe(2);
  expect(said.refused).toEqual([{ id: "admin", message: "the last admin" }]);
});

test("where the server cannot say it of one, nothing is said of the others", async () => {
  await expect(previewMany(["a"], () => Promise.reject(refuse(503)))).rejects.toThrow("the last admin");
});

test("of very many it is not asked", async () => {
  const many = Array.from({ length: 51 }, (_, n) => `d${n}`);
  const never = () => Promise.reject(new Error("asked"));
  await expect(previewMany(many, never)).rejects.toThrow(previewText.tooMany(50));
});
