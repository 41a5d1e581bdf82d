import { expect, test } from "vitest";

import { flawsOf, newWebhook } from "./webhookForm.ts";

const good = { ...newWebhook, url: "https://example.com/hook" };

test("an address alone is enough", () => {
  expect(flawsOf(good)).toEqual({});
  expect(flawsOf({ ...good, event_types: ["device.enrolled", "device.*", "*"] })).toEqual({});
});

test.each(["", "example.com", "ftp://example.com", "https://", "https:// x"])("%j is no address", (url) => {
  expect(Object.keys(flawsOf({ ...good, url }))).toEqual(["url"]);
});

test.each(["Device.enrolled", "device.*.x", "device enrolled", " ", "device-x"])("%j is no type", (type) => {
  expect(Object.keys(flawsOf({ ...good, event_types: [type] }))).toEqual(["event_types"]);
});
