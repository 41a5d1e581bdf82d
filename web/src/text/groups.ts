/** Groups. */
export const groups = {
  title: "Groups",
};
