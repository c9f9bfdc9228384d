import { Badge } from "../ui/Badge";
import { Section } from "../ui/Card";
import type { Question } from "./show";

/** What Floyd asked its owner before, and what came of it. */
export function Answered({ questions }: { questions: Question[] }) {
  if (questions.length === 0) return null;
  return (
    <Section title="What Floyd asked you">
      <dl className="flex flex-col gap-3">
        {questions.map(({ _id, text, answer, status }) => (
          <div key={_id}>
            <dt className="text-muted">{text}</dt>
            <dd>
              {answer ?? (
                <Badge>{status === "expired" ? "not answered in time" : "not needed any more"}</Badge>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
