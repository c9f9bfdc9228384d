import { useEffect, useState } from "react";

/** The time in epoch milliseconds, new each second while `running`: for clocks that somebody watches. */
export function useSeconds(running = true): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
