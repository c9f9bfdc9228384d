import { Link, useParams } from "wouter";
import type { Id } from "../api";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { Skeleton } from "../ui/Skeleton";
import { EmptyState } from "../ui/States";
import { StatusBadge } from "../ui/StatusBadge";
import { Time } from "../ui/Time";
import { Answered } from "./Answered";
import { Asking } from "./Asking";
import { Attempts } from "./Attempts";
import { currentCall } from "./actions";
import { ControlBar } from "./ControlBar";
import { Cost } from "./Cost";
import { headline } from "./headline";
import { Knowledge } from "./Knowledge";
import { Latency } from "./Latency";
import { Outcome } from "./Outcome";
import { Plan } from "./Plan";
import { ProgressLine } from "./ProgressLine";
import { RequestActions } from "./RequestActions";
import { type Request as RequestRow, type Show, useShow } from "./show";
import { Transcript } from "./Transcript";
import { useFocusKept } from "./useFocusKept";
import { useLines } from "./useLines";
import { useRoom } from "./useRoom";
import { JumpContext, useTarget } from "./useTarget";
import { WhomCalled } from "./WhomCalled";

/** Ids of rows are in base 32; anything else was never one, and the deployment would call it a malformed argument. */
const ID = /^[0-9a-z]{20,50}$/;

export default function RequestPage() {
  const { id = "" } = useParams<{ id: string }>();
  if (!ID.test(id)) return <NoSuchRequest />;
  return <Followed key={id} requestId={id as Id<"requests">} />;
}

function NoSuchRequest() {
  return (
    <Page title="No such request">
      <EmptyState
        title="There is no request at this address"
        action={
          <Button asChild>
            <Link href={paths.requests}>To your requests</Link>
          </Button>
        }
      />
    </Page>
  );
}

function Followed({ requestId }: { requestId: Id<"requests"> }) {
  const show = useShow(requestId);
  return show === undefined ? <Loading /> : <Shown show={show} />;
}

function Loading() {
  return (
    <Page title="Request" wide>
      <div role="status" aria-label="Loading the request" className="flex flex-col gap-5">
        <Skeleton className="h-24 rounded-card" />
        <Skeleton className="h-96 rounded-card" />
      </div>
    </Page>
  );
}

function Shown({ show }: { show: Show }) {
  const { request, calls, questions, turns, hints, transcript } = show;
  useFocusKept();
  const { target, jump } = useTarget();
  const { lines, earlier } = useLines(calls, transcript);
  const call = currentCall(calls);
  const room = useRoom(call !== undefined);
  const open = questions.filter(({ status }) => status === "open");
  const onTheLine = open.filter(({ callId }) => callId !== undefined && callId === call?._id);
  const called = calls.length > 0;
  const title = headline(request.text);
  return (
    <JumpContext value={jump}>
      <Page
        wide
        title={title}
        subtitle={<Filed request={request} again={show.again} />}
        actions={<RequestActions request={request} calls={calls} />}
      >
        {title !== request.text && <Asked text={request.text} />}
        <ProgressLine request={request} calls={calls} />
        {open
          .filter((question) => !onTheLine.includes(question))
          .map((question) => (
            <Asking key={question._id} question={question} />
          ))}
        {request.outcome !== undefined && <Outcome outcome={request.outcome} calls={calls} lines={lines} />}
        {/* On a phone one column, in which the controls stay in sight wherever one reads. */}
        <div
          ref={room.columns}
          className="gap-5 max-lg:contents lg:grid lg:grid-cols-[minmax(0,1fr)_22rem] lg:items-start"
        >
          <div className="flex-col gap-5 max-lg:contents lg:sticky lg:top-4 lg:flex">
            {called ? (
              <Transcript show={show} lines={lines} earlier={earlier} target={target} roomPx={room.px} />
            ) : (
              <Plan request={request} foldable={false} />
            )}
            {call !== undefined && (
              <ControlBar ref={room.controls} call={call} questions={onTheLine} hints={hints} />
            )}
          </div>
          <div className="min-w-0 flex-col gap-5 max-lg:contents lg:flex">
            <WhomCalled request={request} />
            {called && <Plan request={request} foldable />}
            <Knowledge show={show} lines={lines} />
            <Answered questions={questions.filter(({ status }) => status !== "open")} />
            <Attempts calls={calls} />
            <Latency turns={turns} calls={calls} />
            <Cost calls={calls} />
          </div>
        </div>
      </Page>
    </JumpContext>
  );
}

function Filed({ request, again }: { request: RequestRow; again: Show["again"] }) {
  return (
    <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm">
      <StatusBadge request={request} />
      <span>
        asked <Time at={request._creationTime} />
      </span>
      {request.movedFrom !== undefined && request.status === "pending" && (
        <span>· waits for your call hours</span>
      )}
      {request.againOf !== undefined && (
        <Link href={paths.request(request.againOf)} className="text-accent-ink underline underline-offset-4">
          asked before
        </Link>
      )}
      {again !== null && (
        <Link href={paths.request(again.requestId)} className="text-accent-ink underline underline-offset-4">
          called again
        </Link>
      )}
    </p>
  );
}

/** The whole of what was asked, when it is more than fits a heading. */
function Asked({ text }: { text: string }) {
  return (
    <section aria-label="What you asked" className="whitespace-pre-wrap">
      {text}
    </section>
  );
}
