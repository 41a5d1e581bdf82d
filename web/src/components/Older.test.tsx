import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, test, vi } from "vitest";

import { t } from "../text/common.ts";
import { Older, useSize } from "./Older.tsx";

beforeAll(() => {
  // Mantine asks for the colours that the system prefers, which jsdom knows nothing of.
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
});
afterEach(cleanup);

function Shown({ rows }: { rows: number }) {
  const shown = useSize();
  const next = shown.size < rows ? "there" : null;
  return (
    <>
      <p>{shown.size} asked for</p>
      <Older next={next} of={shown} loading={false} rest="Elsewhere" />
    </>
  );
}

test("more is read up to what the API gives at once; then it is said that there is more, and where", () => {
  render(<MantineProvider><Shown rows={201} /></MantineProvider>);
  for (const size of [50, 100, 200]) {
    fireEvent.click(screen.getByText(t.older));
    screen.getByText(`${size} asked for`);
  }
  expect(screen.queryByText(t.older)).toBeNull();
  screen.getByText(`${t.newest(200)} Elsewhere`);
});

test("a list that is there as a whole says nothing more", () => {
  render(<MantineProvider><Shown rows={25} /></MantineProvider>);
  expect(screen.queryByText(t.older)).toBeNull();
  expect(screen.queryByText(/Elsewhere/)).toBeNull();
});
