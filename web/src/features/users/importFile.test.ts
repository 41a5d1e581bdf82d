import { expect, test } from "vitest";

import { badRows, mediaType, type Report, whatIsWrong } from "./importFile.ts";

const report: Report = {
  dry_run: true,
  total: 2,
  created: 0,
  failed: 1,
  rows: [
    { row: 2, username: "alice", status: "valid", id: null, error: null },
    {
      row: 3,
      username: "bob",
      status: "invalid",
      id: null,
      error: {
        code: "validation_failed",
        message: "2 fields are wrong",
        details: [
          { field: "display_name", message: "is too long" },
          { field: "groups", message: "names no group" },
        ],
      },
    },
  ],
};

test("files are known by how their names end", () => {
  expect(mediaType("Staff 2026.CSV")).toBe("text/csv");
  expect(mediaType("staff.json")).toBe("application/json");
  expect(mediaType("staff.xlsx")).toBeUndefined();
});

test("every problem of a bad row is named", () => {
  const bad = badRows(report);
  expect(bad.map(({ row }) => row)).toEqual([3]);
  expect(bad.map(whatIsWrong)).toEqual(["Name: is too long; Groups: names no group"]);
});
