/** Oneself. */
export const me = {
  title: "My devices",
};
