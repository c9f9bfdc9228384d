import { useConfig } from "../config";

const names: Record<string, string> = { google: "Google", openai: "OpenAI", twilio: "Twilio" };

/** Says on every page what is played by a stand-in, so that nobody takes a rehearsal for the real thing. */
export function Rehearsed({ className = "" }: { className?: string }) {
  const { rehearsed } = useConfig();
  if (rehearsed.length === 0) return null;
  return (
    <p className={`px-2 text-muted text-xs leading-5 ${className}`}>
      Rehearsal: {rehearsed.map((vendor) => names[vendor] ?? vendor).join(", ")}{" "}
      {rehearsed.length === 1 ? "is" : "are"} played by stand-ins.
    </p>
  );
}
