import { Section } from "../ui/Card";
import { clock } from "../ui/moments";
import { PhoneNumber } from "../ui/PhoneNumber";
import { Time } from "../ui/Time";
import type { Call } from "./show";
import { runningClock } from "./times";
import { callEnding } from "./words";

/** Each call of this request. */
export function Attempts({ calls }: { calls: Call[] }) {
  if (calls.length === 0) return null;
  return (
    <Section title={calls.length === 1 ? "Call" : `${calls.length} calls`}>
      <ol className="flex flex-col gap-3">
        {calls.map((call) => (
          <Attempt key={call._id} call={call} />
        ))}
      </ol>
    </Section>
  );
}

const statusWords = { dialing: "dialling", ringing: "ringing", answered: "talking", ended: "ended" } as const;

function Attempt({ call }: { call: Call }) {
  const { answeredAt, endedAt } = call;
  const asides = [
    call.answeredBy !== undefined && `answered by ${call.answeredBy.replaceAll("_", " ")}`,
    call.disclosureAt !== undefined && `said that it is an AI at ${clock(call.disclosureAt)}`,
    call.recording !== undefined && "recorded",
    call.carrier === "browser" && "on the browser line",
  ].filter((aside) => aside !== false);
  return (
    <li>
      <p>
        <span className="font-medium">{call.attempt}.</span> <PhoneNumber phone={call.to} />
        <span className="text-muted">
          {" · "}
          <Time at={call.dialedAt ?? call._creationTime} show="full" />
        </span>
      </p>
      <p className="text-muted text-sm">
        {call.status === "ended" ? callEnding(call.endReason) : statusWords[call.status]}
        {answeredAt !== undefined && endedAt !== undefined && `, after ${runningClock(endedAt - answeredAt)}`}
        {asides.map((aside) => ` · ${aside}`)}
      </p>
    </li>
  );
}
