import { expect, test } from "vitest";

import { changeListState, onward, readListState } from "./useListState.ts";

test("another filter begins at the first page, whichever way one came to another", () => {
  for (const at of ["page=3", "after=120"]) {
    const next = changeListState(new URLSearchParams(`${at}&sort=-name&role=user`), { role: "admin" });
    expect(next.toString()).toBe("sort=-name&role=admin");
  }
});

test("a page keeps what the list is narrowed by", () => {
  const params = new URLSearchParams("q=lap&role=user&page=2");
  expect(changeListState(params, { page: 3 }).toString()).toBe("q=lap&role=user&page=3");
  expect(changeListState(params, { page: 1 }).toString()).toBe("q=lap&role=user");
  expect(changeListState(params, { after: "120" }).toString()).toBe("q=lap&role=user&after=120");
});

test("past ten thousand rows pages have no numbers", () => {
  const at = (query: string) => onward(readListState(new URLSearchParams(query)), 200, "there");
  expect(at("page=49")).toEqual({ page: 50 });
  expect(at("page=50")).toEqual({ after: "there" });
  expect(at("after=here")).toEqual({ after: "there" });
});

test("what is no number is as good as left out", () => {
  const state = readListState(new URLSearchParams("page=-1&page_size=7&role=&status=active"));
  expect(state).toEqual({ q: "", sort: undefined, page: 1, pageSize: 50, filters: { status: "active" } });
});
