import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app/app.css";

import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/App.tsx";
import { nonce } from "./app/nonce.ts";
import { closeOneByOne } from "./app/openDialogs.ts";

const root = document.getElementById("root");
if (root === null) {
  throw new Error("the page has no #root");
}
// For the styles of what keeps the page from scrolling below an open dialog.
setNonce(nonce());
closeOneByOne();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
