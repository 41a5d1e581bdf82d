import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

import { t } from "../text/common.ts";

/**
 * A cross that is drawn says nothing to those who read by ear. The head of a dialog is no banner
 * of the page, which has one.
 */
const closing = {
  closeButtonProps: { "aria-label": t.close },
  attributes: { header: { role: "presentation" } },
};

/** Petrol. The middle shades have a contrast of 4.5 and more with white. */
const petrol: MantineColorsTuple = [
  "#e6f6f8",
  "#d3e9ed",
  "#a8d2da",
  "#79bac6",
  "#53a5b5",
  "#3b98aa",
  "#2c91a5",
  "#0b7285",
  "#0a6576",
  "#075766",
];

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 7 },
  colors: { petrol },
  defaultRadius: "md",
  autoContrast: true,
  respectReducedMotion: true,
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  cursorType: "pointer",
  components: {
    // By their names: the components themselves are loaded where one is shown.
    Modal: { defaultProps: closing },
    Drawer: { defaultProps: closing },
    Notification: { defaultProps: { closeButtonProps: closing.closeButtonProps } },
    // The first item has the focus at once; a placeholder before it is no item of a menu.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
  },
});

/** Mantine's dimmed and coloured texts fall short of WCAG 2's contrast of 4.5. */
export const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5c6670",
    "--mantine-color-placeholder": "#68717a",
    "--mantine-color-error": "#c92a2a",
    "--mantine-color-anchor": "#0a6576",
    "--mantine-color-petrol-light-color": "#075766",
    "--mantine-color-green-light-color": "#1e6b2f",
    "--mantine-color-red-light-color": "#b02525",
    "--mantine-color-orange-light-color": "#984500",
    "--mantine-color-yellow-light-color": "#7a5200",
    "--mantine-color-blue-light-color": "#1459a1",
    "--mantine-color-gray-light-color": "#454d55",
  },
  dark: {
    "--mantine-color-dimmed": "#a0a7ae",
    "--mantine-color-placeholder": "#9aa2aa",
    // Also on an item of a menu that has the focus.
    "--mantine-color-error": "#ff9090",
    "--mantine-color-anchor": "#79bac6",
    "--mantine-color-petrol-light-color": "#a8d2da",
    "--mantine-color-green-light-color": "#8ce99a",
    "--mantine-color-red-light-color": "#ffa8a8",
    "--mantine-color-orange-light-color": "#ffc078",
    "--mantine-color-yellow-light-color": "#ffe066",
    "--mantine-color-blue-light-color": "#a5d8ff",
    "--mantine-color-gray-light-color": "#ced4da",
  },
});
