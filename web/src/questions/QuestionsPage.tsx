import { useQuery } from "convex/react";
import { MessageCircleQuestion } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { api } from "../api";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Card } from "../ui/Card";
import { LiveRegion } from "../ui/LiveRegion";
import { Page } from "../ui/Page";
import { SkeletonList } from "../ui/Skeleton";
import { EmptyState } from "../ui/States";
import { toast } from "../ui/toast";
import { AnswerForm } from "./AnswerForm";
import { closedUnsent, inOrder, type Question } from "./asked";
import { QuestionCard } from "./QuestionCard";

/** What Floyd needs of the person, answerable from any device: whoever answers first has answered. */
export default function QuestionsPage() {
  const open = useQuery(api.questions.open, {});
  const [drafts, setDrafts] = useState<ReadonlyMap<string, string>>(new Map());
  const [closed, setClosed] = useState<readonly Question[]>([]);
  const list = useRef<HTMLDivElement>(null);
  const before = useRef<readonly Question[]>([]);
  const sent = useRef(new Set<string>());

  // Answered on another device, or out of time: what was being typed here is not thrown away without a word.
  useEffect(() => {
    if (open === undefined) return;
    const unsent = closedUnsent(before.current, open, drafts, sent.current);
    before.current = open;
    if (unsent.length > 0) setClosed((known) => [...known, ...unsent]);
  }, [open, drafts]);

  const setDraft = (id: string, text: string) => setDrafts((known) => new Map(known).set(id, text));
  const questions = inOrder(open ?? []);
  const newest = questions.toSorted((a, b) => b._creationTime - a._creationTime)[0];

  return (
    <Page title="Questions" subtitle="What Floyd needs to know from you to go on.">
      <LiveRegion>{newest === undefined ? "" : `Floyd asks: ${newest.text}`}</LiveRegion>
      <div ref={list} tabIndex={-1} className="flex flex-col gap-4 outline-none">
        {closed.map((question) => (
          <Closed
            key={question._id}
            question={question}
            draft={drafts.get(question._id) ?? ""}
            dismiss={() => setClosed((known) => known.filter(({ _id }) => _id !== question._id))}
          />
        ))}
        {open === undefined ? (
          <SkeletonList rows={2} />
        ) : questions.length === 0 ? (
          <Nothing />
        ) : (
          <ul aria-label="Open questions" className="flex flex-col gap-4">
            {questions.map((question) => (
              <QuestionCard key={question._id} question={question}>
                <AnswerForm
                  question={question}
                  draft={drafts.get(question._id) ?? ""}
                  onDraft={(text) => setDraft(question._id, text)}
                  onSend={() => sent.current.add(question._id)}
                  onDone={(answered) => {
                    if (!answered) return void sent.current.delete(question._id);
                    toast.say(question.callId ? "Floyd passes it on." : "Thank you. Floyd goes on.");
                    // The card went away with what had the focus.
                    list.current?.focus();
                  }}
                />
              </QuestionCard>
            ))}
          </ul>
        )}
      </div>
    </Page>
  );
}

function Nothing() {
  return (
    <EmptyState
      icon={<MessageCircleQuestion />}
      title="Floyd has no questions"
      action={
        <Button asChild>
          <Link href={paths.requests}>See your requests</Link>
        </Button>
      }
    >
      When Floyd lacks something, it asks here, and by text message if it knows your phone. If somebody is on
      the line, you see how long they wait.
    </EmptyState>
  );
}

type ClosedProps = { question: Question; draft: string; dismiss: () => void };

function Closed({ question, draft, dismiss }: ClosedProps) {
  return (
    <Card className="flex flex-col gap-2 bg-subtle" role="status">
      <p className="font-medium">
        “{question.text}” is not open any more: it was answered elsewhere, or the time was over.
      </p>
      <p className="text-muted">You had typed: {draft}</p>
      <div className="flex flex-wrap gap-2">
        <Button size="sm" asChild>
          <Link href={paths.request(question.requestId)}>See the request</Link>
        </Button>
        <Button size="sm" variant="ghost" onClick={dismiss}>
          Dismiss
        </Button>
      </div>
    </Card>
  );
}
