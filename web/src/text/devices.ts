/** Devices. */
export const devices = {
  title: "Devices",
};
