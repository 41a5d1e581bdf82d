/** Whether a device is connected, as far as its gateway has said. */

/**
 * WireGuard makes a new handshake after two minutes of traffic; three without one means that
 * nothing has been sent. In milliseconds.
 */
export const FRESH = 180_000;

export function isConnected(latestHandshake: string | null | undefined, now: number): boolean {
  return latestHandshake !== null && latestHandshake !== undefined && now - Date.parse(latestHandshake) < FRESH;
}
