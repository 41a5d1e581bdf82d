/** Webhooks. */
export const webhooks = {
  title: "Webhooks",
};
