import { createElement, Fragment, type ReactNode } from "react";

/** A sentence around what a page draws, such as a link or a time: said`Ends ${time}.` */
export function said(words: TemplateStringsArray, ...drawn: ReactNode[]): ReactNode {
  return createElement(Fragment, null, ...words.flatMap((word, n) => [word, drawn[n]]));
}
