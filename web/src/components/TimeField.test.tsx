import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, test, vi } from "vitest";

import { t } from "../text/common.ts";
import { inUtc } from "./localTime.ts";
import { TimeField } from "./TimeField.tsx";

beforeAll(() => {
  // Mantine asks for the colours that the system prefers, which jsdom knows nothing of.
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
});
afterEach(cleanup);

function described(value: string): string {
  render(
    <MantineProvider>
      <TimeField label="Expires" note="Empty means never." value={value} onChange={() => undefined} />
    </MantineProvider>,
  );
  const field = screen.getByLabelText("Expires");
  const ids = field.getAttribute("aria-describedby")?.split(" ") ?? [];
  return ids.map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
}

test("what is typed is told in UTC too, next to what else is said of the field", () => {
  const utc = inUtc(new Date("2026-05-03T12:00").toISOString());
  expect(described("2026-05-03T12:00")).toBe(`Empty means never. ${utc}`);
});

test("while nothing is typed, it is said on which clock it would be", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  expect(described("")).toBe(`Empty means never. ${t.time.zone(zone)}`);
});
