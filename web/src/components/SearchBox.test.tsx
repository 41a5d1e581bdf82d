import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { SearchBox } from "./SearchBox.tsx";

beforeEach(() => {
  // Mantine asks for the colours that the system prefers, which jsdom knows nothing of.
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  vi.useFakeTimers();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

/** What the box asked for, and what puts a value into the URL. */
function shown() {
  const asked: string[] = [];
  let arrive: (value: string) => void = () => undefined;
  function Listed() {
    const [value, setValue] = useState("");
    arrive = (value) => act(() => setValue(value));
    return (
      <MantineProvider>
        <SearchBox label="Search" value={value} onChange={(text) => asked.push(text)} />
      </MantineProvider>
    );
  }
  render(<Listed />);
  const box = screen.getByRole<HTMLInputElement>("searchbox");
  const type = (value: string) => fireEvent.change(box, { target: { value } });
  const wait = () => act(() => vi.advanceTimersByTime(300));
  return { asked, arrive: (value: string) => arrive(value), box, type, wait };
}

test("what is typed before an earlier search has come back by the URL stays", () => {
  const { asked, arrive, box, type, wait } = shown();
  type("la");
  wait();
  type("lap");
  arrive("la");
  expect(box.value).toBe("lap");
  wait();
  type("lapt");
  wait();
  // The searches come back one after the other, also where one of them was passed over.
  arrive("lapt");
  expect(box.value).toBe("lapt");
  expect(asked).toEqual(["la", "lap", "lapt"]);
});

test("what changes the URL from elsewhere is taken over, and ends a search that waits", () => {
  const { asked, arrive, box, type, wait } = shown();
  type("la");
  wait();
  arrive("la");
  type("lap");
  arrive("");
  expect(box.value).toBe("");
  wait();
  expect(asked).toEqual(["la"]);
  // The browser's Back.
  arrive("la");
  expect(box.value).toBe("la");
});
