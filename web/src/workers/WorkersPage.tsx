import { useMutation, useQuery } from "convex/react";
import { Pause, Play, Server, ShieldQuestion } from "lucide-react";
import { useId } from "react";
import { api } from "../api";
import { useAccount } from "../auth";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Card } from "../ui/Card";
import { Page } from "../ui/Page";
import { SkeletonList } from "../ui/Skeleton";
import { EmptyState } from "../ui/States";
import { Time } from "../ui/Time";
import { useAct } from "../ui/useAct";
import { useNow } from "../ui/useNow";
import { type Worker, workerState } from "./workerState";

export default function WorkersPage() {
  const { operator } = useAccount();
  return (
    <Page title="Workers" subtitle="The programs that make the calls.">
      {operator ? <Workers /> : <NotForYou />}
    </Page>
  );
}

function NotForYou() {
  return (
    <EmptyState icon={<ShieldQuestion />} title="This page is for operators">
      Whoever runs this Floyd sees here which workers are alive, and can let them finish before an update. You
      need nothing of it to have calls made.
    </EmptyState>
  );
}

function Workers() {
  const workers = useQuery(api.workers.list, {});
  if (workers === undefined) return <SkeletonList rows={2} />;
  if (workers.length === 0) {
    return (
      <EmptyState icon={<Server />} title="No worker has been here yet">
        Requests wait until one is started, with floyd worker or floyd up.
      </EmptyState>
    );
  }
  const alive = workers.filter(({ status }) => status !== "stopped");
  const stopped = workers.filter(({ status }) => status === "stopped");
  const calls = alive.reduce((sum, worker) => sum + worker.calls, 0);
  const room = alive.reduce((sum, worker) => sum + worker.maxCalls, 0);
  return (
    <>
      <p>
        {alive.length === 1 ? "1 worker" : `${alive.length} workers`} alive, {calls} of {room} calls.
      </p>
      {alive.length > 0 && <List label="Alive" workers={alive} />}
      {stopped.length > 0 && (
        <details>
          <summary className="w-fit rounded text-muted">Stopped ({stopped.length})</summary>
          <div className="mt-3">
            <List label="Stopped" workers={stopped} />
          </div>
        </details>
      )}
    </>
  );
}

function List({ label, workers }: { label: string; workers: Worker[] }) {
  return (
    <ul aria-label={label} className="flex flex-col gap-3">
      {workers.map((worker) => (
        <WorkerCard key={worker._id} worker={worker} />
      ))}
    </ul>
  );
}

function WorkerCard({ worker }: { worker: Worker }) {
  const id = useId();
  const { label, tone, meaning } = workerState(worker, useNow());
  const drain = useMutation(api.workers.drain);
  const drained = worker.drain ?? false;
  const { run, busy } = useAct(() => drain({ workerId: worker.workerId, drain: !drained }));
  return (
    <li aria-labelledby={id}>
      <Card className="flex flex-col gap-3">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h2 id={id} className="font-semibold">
            {worker.workerId}
          </h2>
          <Badge tone={tone}>{label}</Badge>
        </div>
        <p className="text-muted text-sm">{meaning}</p>
        <Load calls={worker.calls} max={worker.maxCalls} />
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm [&_dt]:text-muted">
          <dt>Last heard of</dt>
          <dd>
            <Time at={worker.heartbeatAt} />
          </dd>
          <dt>Started</dt>
          <dd>
            <Time at={worker.startedAt} show="full" />
          </dd>
          <dt>Version</dt>
          <dd>{worker.version}</dd>
          {worker.address !== undefined && (
            <>
              <dt>Address</dt>
              <dd>{worker.address}</dd>
            </>
          )}
        </dl>
        {worker.status !== "stopped" && (
          <Button busy={busy} onClick={() => void run()} className="self-start">
            {drained ? <Play aria-hidden /> : <Pause aria-hidden />}
            {drained ? "Resume" : "Drain"}
          </Button>
        )}
      </Card>
    </li>
  );
}

function Load({ calls, max }: { calls: number; max: number }) {
  const share = max === 0 ? 0 : Math.min(1, calls / max);
  return (
    <div className="flex items-center gap-3 text-sm">
      <span className="tabular-nums">
        {calls} of {max} calls
      </span>
      <span aria-hidden className="h-1.5 min-w-0 flex-1 overflow-hidden rounded-full bg-subtle">
        <span className="block h-full rounded-full bg-accent" style={{ width: `${100 * share}%` }} />
      </span>
    </div>
  );
}
