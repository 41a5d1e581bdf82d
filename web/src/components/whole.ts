/** So long is an IPv4 network, or a word: on a phone it is not broken in two. */
const SHORT = 20;

/** The class of a short text that nobody should read in two parts. */
export function whole(text: string): string | undefined {
  return text.length <= SHORT ? "whole" : undefined;
}
