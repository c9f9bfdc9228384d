import { Sparkles } from "lucide-react";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/States";

const examples = [
  "Call the school and let them know that Mara is sick today",
  "Book a table for two at Trattoria Lucia on Friday at 7 pm",
  "Ask the pharmacy whether my prescription is ready",
];

/** In place of a list, for those who have not asked for anything yet. */
export function FirstSteps({ onChoose }: { onChoose: (text: string) => void }) {
  return (
    <EmptyState icon={<Sparkles />} title="Nothing asked for yet">
      <p>
        Say in your own words what Floyd should call about. It finds the number, calls, says at once that it
        is an AI assistant, and you can follow every word here. For example:
      </p>
      <ul className="mt-4 flex flex-col items-stretch gap-2">
        {examples.map((text) => (
          <li key={text}>
            <Button
              className="h-auto min-h-11 w-full whitespace-normal py-2 text-left"
              onClick={() => onChoose(text)}
            >
              {text}
            </Button>
          </li>
        ))}
      </ul>
    </EmptyState>
  );
}
