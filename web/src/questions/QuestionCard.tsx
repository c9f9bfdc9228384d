import { PhoneCall } from "lucide-react";
import { type ReactNode, useId } from "react";
import { Link } from "wouter";
import { paths } from "../routes";
import { Badge } from "../ui/Badge";
import { Card } from "../ui/Card";
import { Time } from "../ui/Time";
import type { Question } from "./asked";
import { Countdown } from "./Countdown";

/** One question with what it is about. `children`: how to answer it. */
export function QuestionCard({ question, children }: { question: Question; children: ReactNode }) {
  const id = useId();
  const holding = question.callId !== undefined;
  return (
    <li>
      <Card className={holding ? "border-accent" : ""}>
        <article aria-labelledby={id} className="flex flex-col gap-3">
          <div className="flex flex-wrap items-center justify-between gap-2">
            {holding ? (
              <Badge tone="accent">
                <PhoneCall aria-hidden />
                On the line now
              </Badge>
            ) : (
              <span className="text-muted text-sm">
                Asked <Time at={question._creationTime} />
              </span>
            )}
            <Countdown deadline={question.deadline} />
          </div>
          <h2 id={id} className="whitespace-pre-wrap font-semibold text-lg leading-7">
            {question.text}
          </h2>
          <p className="text-muted text-sm">
            For{" "}
            <Link
              href={paths.request(question.requestId)}
              className="text-accent-ink underline underline-offset-4"
            >
              {question.requestText || "this request"}
            </Link>
          </p>
          {children}
          <p className="text-muted text-sm">
            {holding
              ? "Somebody is waiting. Floyd passes your answer on at once."
              : "Nobody is waiting on the phone. When you have answered, Floyd goes on."}
          </p>
        </article>
      </Card>
    </li>
  );
}
