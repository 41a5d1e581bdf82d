/** The audit log, its entries and its proofs. */
export const audit = {
  was: "Was",
  is: "Is",
  field: "Field",
  byWhom: (name: string) => `by ${name}`,
  reason: "Reason",
  raw: "As it is stored (JSON)",
  number: "Number",
  event: "Event",
  request: "Request",
  from: "From",
  client: "Client",
  signedInBy: "Signed in by",
  noHistory: "Nothing has happened to it yet.",
  historyLabel: "What happened to it",
  system: "NexaVPN itself",
  anonymous: "somebody who is not signed in",
};
