/** What is asked: of whom, about which packet, and when. All of it is in the URL. */

import { useSearchParams } from "react-router";

import { ApiError } from "../../api/index.ts";
import { hasPorts } from "../../components/protocols.ts";

export interface Question {
  readonly device: string | undefined;
  readonly user: string | undefined;
  readonly destination: string | undefined;
  readonly protocol: string | undefined;
  readonly port: string | undefined;
  /** A time, or the number of an event; the present where there is none. */
  readonly at: string | undefined;
}

export function readQuestion(params: URLSearchParams): Question {
  const value = (name: string) => {
    const text = params.get(name)?.trim();
    return text === undefined || text === "" ? undefined : text;
  };
  const device = value("device");
  const protocol = value("protocol");
  const port = value("port");
  return {
    device,
    user: device === undefined ? value("user") : undefined,
    destination: value("destination"),
    protocol,
    // The API refuses a port where there are none.
    port: protocol !== undefined && hasPorts(protocol) ? port : undefined,
    at: value("at"),
  };
}

/** The packet as the API takes it; nothing while it is not complete. */
export function packetOf({ destination, protocol, port }: Question) {
  if (destination === undefined || protocol === undefined) {
    return undefined;
  }
  // What is no number the server names as a fault, beside the field.
  return { destination, protocol, ...(port === undefined ? {} : { port: port as unknown as number }) };
}

/** Parts of a question that always have an input, beside which is said what is wrong with them. */
const INPUTS = new Set(["destination", "protocol", "port", "at"]);

/** What the server has against the moment that is asked about. */
export function faultOfMoment(error: unknown): string | undefined {
  return error instanceof ApiError ? error.details.find(({ field }) => field === "at")?.message : undefined;
}

/** Whether all that the server has against a question is said beside its inputs already. */
export function saidBeside(error: unknown): boolean {
  return error instanceof ApiError && error.details.length > 0 && error.details.every(({ field }) => INPUTS.has(field));
}

export function useQuestion() {
  const [params, setParams] = useSearchParams();
  const ask = (changes: Record<string, string | undefined | null>) =>
    setParams(
      () => {
        // Of two filters that change at the same moment neither is lost: this is newer than what was drawn.
        const next = new URLSearchParams(location.search);
        next.delete("after");
        for (const [name, value] of Object.entries(changes)) {
          if (value === undefined || value === null || value === "") {
            next.delete(name);
          } else {
            next.set(name, value);
          }
        }
        return next;
      },
      { preventScrollReset: true },
    );
  return { question: readQuestion(params), params, ask };
}
