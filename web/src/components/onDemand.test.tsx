import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, test, vi } from "vitest";

import { t } from "../text/common.ts";
import { dialogOnDemand, isOpened, panelOnDemand } from "./onDemand.tsx";

beforeAll(() => {
  // Mantine asks for the colours that the system prefers, which jsdom knows nothing of.
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
});
afterEach(cleanup);

const show = (one: React.ReactNode) => <MantineProvider>{one}</MantineProvider>;

test("a dialog is loaded when it is first opened, and then stays for its way out", async () => {
  const load = vi.fn(() => Promise.resolve(({ opened }: { opened: boolean }) => <p>{opened ? "open" : "closed"}</p>));
  const Dialog = dialogOnDemand(load, isOpened);
  const { rerender } = render(show(<Dialog opened={false} />));
  expect(load).not.toHaveBeenCalled();
  rerender(show(<Dialog opened />));
  await screen.findByText("open");
  rerender(show(<Dialog opened={false} />));
  await screen.findByText("closed");
  expect(load).toHaveBeenCalledOnce();
});

test("a panel has its shape in its place until it is loaded", async () => {
  const Whole = ({ rows }: { rows: number }) => <p>{rows} rows</p>;
  let come = (_: typeof Whole): void => undefined;
  const loaded = new Promise<typeof Whole>((resolve) => {
    come = resolve;
  });
  const Panel = panelOnDemand(
    () => loaded,
    ({ rows }: { rows: number }) => <p>room for {rows}</p>,
  );
  render(show(<Panel rows={3} />));
  screen.getByText("room for 3");
  come(Whole);
  await screen.findByText("3 rows");
  expect(screen.queryByText("room for 3")).toBeNull();
});

test("a part whose file is gone says so, and leaves the page as it is", async () => {
  const Panel = panelOnDemand(() => Promise.reject(new TypeError("Failed to fetch dynamically imported module")));
  render(
    show(
      <>
        <p>the rest of the page</p>
        <Panel />
      </>,
    ),
  );
  expect((await screen.findByRole("alert")).textContent).toContain(t.problem.notLoaded);
  screen.getByText("the rest of the page");
  screen.getByRole("button", { name: t.problem.reload });
});
