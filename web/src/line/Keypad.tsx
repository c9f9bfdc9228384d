import { useState } from "react";
import { Button } from "../ui/Button";
import { LiveRegion } from "../ui/LiveRegion";
import { phone } from "./phone";
import { keyTone } from "./tones";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const names: Record<string, string> = { "*": "Star", "#": "Pound" };
/** As many as fit in the line above the keys. */
const SHOWN = 20;

export function Keypad() {
  const [pressed, setPressed] = useState("");
  function press(key: string): void {
    phone.press(key);
    keyTone(key);
    setPressed((before) => (before + key).slice(-SHOWN));
  }
  return (
    <div className="mx-auto max-w-60">
      <LiveRegion visible className="h-7 text-center text-lg tabular-nums tracking-widest">
        {pressed}
      </LiveRegion>
      <div className="grid grid-cols-3 gap-2">
        {KEYS.map((key) => (
          <Button key={key} size="lg" aria-label={names[key] ?? key} onClick={() => press(key)}>
            {key}
          </Button>
        ))}
      </div>
    </div>
  );
}
