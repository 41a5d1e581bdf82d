/** Whether somebody answers. */

let lost = false;
const listeners = new Set<() => void>();

function become(now: boolean): void {
  if (lost !== now) {
    lost = now;
    for (const listener of listeners) {
      listener();
    }
  }
}

export const connection = {
  isLost: () => lost,
  answered: () => become(false),
  unanswered: () => become(true),
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** `fetch`, noting whether somebody answers. */
export async function fetchNoting(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    connection.answered();
    return response;
  } catch (error) {
    // Whoever leaves a page stops what it was reading: that is no lost connection.
    if (!request.signal.aborted) {
      connection.unanswered();
    }
    throw error;
  }
}
