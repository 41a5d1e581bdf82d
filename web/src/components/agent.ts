/** What a program calls itself, in words that people know. */

import { sessionsText } from "../text/sessions.ts";

// The first that matches is it: Edge also calls itself Chrome, and Chrome calls itself Safari.
const BROWSERS: readonly [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/(Firefox|FxiOS)\//, "Firefox"],
  [/(HeadlessChrome|Chrome|CriOS|Chromium)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone|iPod/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux|X11/, "Linux"],
];

function first(agent: string, known: readonly [RegExp, string][]): string | undefined {
  return known.find(([pattern]) => pattern.test(agent))?.[1];
}

/** A browser and its system; of anything else, the name that it gives itself. */
export function agentName(agent: string | null | undefined): string {
  if (agent === null || agent === undefined || agent.trim() === "") {
    return sessionsText.unknownClient;
  }
  const browser = first(agent, BROWSERS);
  const system = first(agent, SYSTEMS);
  if (browser === undefined || !agent.startsWith("Mozilla/")) {
    return agent.split("/")[0]?.trim() || sessionsText.unknownClient;
  }
  return system === undefined ? browser : sessionsText.on(browser, system);
}
