/** Scheduled functions and cron jobs, files, environment variables. */
import { useMutation } from "convex/react";
import { type FormEvent, type ReactNode, useState } from "react";
import { mutation, post, useConnection } from "./connection.ts";
import { show, time } from "./json.ts";
import { Empty, Loading, Problem, useSystem } from "./parts.tsx";

/** Runs something, and keeps what went wrong for the screen. */
function useAttempt(): [string | null, (work: () => Promise<unknown>) => Promise<void>] {
  const [error, setError] = useState<string | null>(null);
  const attempt = async (work: () => Promise<unknown>) => {
    setError(null);
    await work().catch((caught: Error) => setError(caught.message));
  };
  return [error, attempt];
}

type Job = {
  _id: string;
  name: string;
  args: unknown[];
  scheduledTime: number;
  state: { kind: string; error?: string };
};
type Cron = { name: string; spec: { function: string; schedule: object }; next: number };

export function Schedules(): ReactNode {
  const { component } = useConnection();
  const jobs = useSystem<Job[]>("_system/frontend:scheduled");
  const crons = useSystem<Cron[]>("_system/frontend:crons");
  const cancel = useMutation(mutation("_system/frontend:cancel"));
  const [error, attempt] = useAttempt();
  if (!jobs || !crons) return <Loading />;
  return (
    <section aria-label="Scheduled functions">
      <Problem error={error} />
      <h3>Scheduled functions</h3>
      {jobs.length === 0 ? (
        <Empty>Nothing is scheduled, and nothing was in the last week.</Empty>
      ) : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Function</th>
                <th>Arguments</th>
                <th>Due</th>
                <th>State</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {jobs.map((job) => (
                <tr key={job._id}>
                  <td className="code">{job.name.replace(".js:", ":")}</td>
                  <td className="code">{show(job.args[0])}</td>
                  <td>{time(job.scheduledTime)}</td>
                  <td title={job.state.error}>
                    <span className={`state ${job.state.kind}`}>{job.state.kind}</span>
                  </td>
                  <td>
                    {job.state.kind === "pending" && (
                      <button
                        type="button"
                        onClick={() => void attempt(() => cancel({ component, id: job._id }))}
                      >
                        Cancel
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <h3>Cron jobs</h3>
      {crons.length === 0 ? (
        <Empty>The app has no cron jobs.</Empty>
      ) : (
        <ul className="cards">
          {crons.map((cron) => (
            <li key={cron.name}>
              <b>{cron.name}</b> runs <span className="code">{cron.spec.function}</span>{" "}
              <span className="quiet">
                {JSON.stringify(cron.spec.schedule)}, next {time(cron.next)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

type Stored = { _id: string; _creationTime: number; size: number; contentType?: string; url: string | null };

export function Files(): ReactNode {
  const { component } = useConnection();
  const files = useSystem<{ page: Stored[]; isDone: boolean }>("_system/frontend:files", { numItems: 100 });
  const remove = useMutation(mutation("_system/frontend:removeFile"));
  const [error, attempt] = useAttempt();
  if (!files) return <Loading />;
  if (files.page.length === 0) return <Empty>No file is stored.</Empty>;
  return (
    <section aria-label="Files" className="scroll">
      <Problem error={error} />
      <table>
        <thead>
          <tr>
            <th>File</th>
            <th>Type</th>
            <th>Bytes</th>
            <th>Stored</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {files.page.map((file) => (
            <tr key={file._id}>
              <td className="code">
                {file.url ? (
                  <a href={file.url} target="_blank" rel="noreferrer">
                    {file._id}
                  </a>
                ) : (
                  file._id
                )}
              </td>
              <td>{file.contentType ?? "not known"}</td>
              <td>{file.size.toLocaleString()}</td>
              <td className="quiet">{time(file._creationTime)}</td>
              <td>
                <button
                  type="button"
                  className="danger"
                  onClick={() => {
                    if (confirm("Delete this file?")) void attempt(() => remove({ component, id: file._id }));
                  }}
                >
                  Delete
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

type Variable = { name: string; value: string };

export function Environment(): ReactNode {
  const { adminKey } = useConnection();
  const variables = useSystem<Variable[]>("_system/cli/queryEnvironmentVariables");
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const [seen, see] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const set = async (changes: { name: string; value: string | null }[]) => {
    setError(null);
    try {
      await post(adminKey, "/api/update_environment_variables", { changes });
      setName("");
      setValue("");
    } catch (caught) {
      setError((caught as Error).message);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void set([{ name: name.trim(), value }]);
  };
  return (
    <section aria-label="Environment variables">
      <form className="bar" onSubmit={submit}>
        <input
          aria-label="Name"
          placeholder="NAME"
          required
          value={name}
          onChange={(e) => setName(e.target.value)}
        />
        <input
          aria-label="Value"
          placeholder="value"
          value={value}
          onChange={(e) => setValue(e.target.value)}
        />
        <button type="submit" className="primary">
          Set
        </button>
      </form>
      <Problem error={error} />
      {!variables ? (
        <Loading />
      ) : variables.length === 0 ? (
        <Empty>No variable is set.</Empty>
      ) : (
        <ul className="cards">
          {variables.map((variable) => (
            <li key={variable.name} className="bar">
              <b className="code">{variable.name}</b>
              <span className="code">{seen === variable.name ? variable.value : "••••••••"}</span>
              <span className="spring" />
              <button type="button" onClick={() => see(seen === variable.name ? null : variable.name)}>
                {seen === variable.name ? "Hide" : "Show"}
              </button>
              <button
                type="button"
                className="danger"
                onClick={() => void set([{ name: variable.name, value: null }])}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
