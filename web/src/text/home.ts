/** Overview. */
export const home = {
  title: "Overview",
};
