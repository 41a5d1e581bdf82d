/** Policies. */
export const policies = {
  title: "Policies",
};
