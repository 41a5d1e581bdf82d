import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, within } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { afterEach, beforeAll, expect, test, vi } from "vitest";

import type { Schemas } from "../api/client.ts";
import { previewText } from "../text/preview.ts";
import { local } from "./localTime.ts";
import { PreviewView } from "./PreviewView.tsx";

beforeAll(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
});
afterEach(cleanup);

type Preview = Schemas["Preview"];

const none = { items: [], total: 0, truncated: false };
const nothing = {
  devices: { total: 0, gaining: 0, losing: 0, losing_everything: 0, profile_revisions: 0 },
  changes: { items: [], truncated: false },
  gateways: none,
  warnings: [],
};
const losing = {
  ...nothing,
  devices: { total: 3, gaining: 0, losing: 3, losing_everything: 1, profile_revisions: 3 },
  gateways: { items: [{ gateway_id: "g", name: "fra-1", revision: 7, devices: 3 }], total: 1, truncated: false },
  warnings: [{ code: "own_access_lost" as const, message: "", devices: { ...none, total: 1 } }],
};

const show = (later: Preview["later"]) => {
  const preview: Preview = { idx: 7, events: [], ...nothing, later };
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <MemoryRouter>
          <PreviewView preview={preview} />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
};

test("what the clock will bring is shown moment by moment, with its own warnings", () => {
  const [at, end] = ["2098-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
  show({
    items: [
      { at, events: [{ event_type: "policy.activated", count: 2 }], ...losing },
      { at: end, events: [{ event_type: "policy.expired", count: 1 }], ...nothing },
    ],
    total: 3,
    truncated: true,
  });
  screen.getByText(previewText.nothingAtOnce);
  expect(screen.queryByText(previewText.nothing)).toBeNull();
  const begins = within(screen.getByRole("group", { name: `${local(at)}: 2 policies begin` }));
  begins.getByRole("alert", { name: "You would lose access yourself" });
  begins.getByText(/3 devices affected: 0 gain, 3 lose something\. 1 device is left with nothing\./);
  begins.getByText("fra-1");
  const ends = within(screen.getByRole("group", { name: `${local(end)}: a policy ends` }));
  ends.getByText(previewText.nothingThen);
  expect(ends.queryByRole("alert")).toBeNull();
  screen.getByText(previewText.moreMoments(1));
});

test("where the clock brings nothing, nothing is said of it", () => {
  show(none);
  screen.getByText(previewText.nothing);
  expect(screen.getAllByRole("group")).toHaveLength(1);
});

test("what this page does not know of yet has at least its time", () => {
  const at = "2098-01-01T00:00:00Z";
  show({ items: [{ at, events: [{ event_type: "planet.moved", count: 1 }], ...losing }], total: 1, truncated: false });
  screen.getByRole("group", { name: local(at) });
});
