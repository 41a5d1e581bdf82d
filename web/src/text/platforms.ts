/** Kinds of machines. */
export const platforms: Readonly<Record<string, string>> = {
  android: "Android",
  ios: "iPhone or iPad",
  linux: "Linux",
  macos: "macOS",
  windows: "Windows",
  unknown: "unknown",
};
