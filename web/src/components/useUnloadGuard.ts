import { useEffect } from "react";

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** Has the browser ask before it leaves this. */
export function useUnloadGuard(): void {
  useEffect(() => {
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, []);
}
