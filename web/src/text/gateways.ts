/** Gateways. */
export const gateways = {
  title: "Gateways",
};
