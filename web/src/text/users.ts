/** Users. */
export const users = {
  title: "Users",
};
