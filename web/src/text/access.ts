/** Who reaches what. */
export const access = {
  title: "Access",
};
