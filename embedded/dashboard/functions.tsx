/** Run a function with arguments; see its result, its error and what it logs. */
import { type ReactNode, useState } from "react";
import { post, useConnection } from "./connection.ts";
import { Empty, Loading, Problem, useSystem } from "./parts.tsx";

type Spec = { identifier: string; functionType: string; visibility: { kind: string }; args: ArgsValidator };
type ArgsValidator = {
  type: string;
  value?: Record<string, { fieldType: { type: string }; optional: boolean }>;
};
type Answer = {
  status: string;
  value?: unknown;
  errorMessage?: string;
  errorData?: unknown;
  logLines?: string[];
};

export function Functions(): ReactNode {
  const specs = useSystem<Spec[]>("_system/cli/modules:apiSpec");
  const [chosen, choose] = useState<string | null>(null);
  if (!specs) return <Loading />;
  const callable = specs
    .filter((spec) => spec.identifier)
    .sort((a, b) => (a.identifier < b.identifier ? -1 : 1));
  const spec = callable.find(({ identifier }) => identifier === chosen) ?? callable[0];
  if (!spec) return <Empty>There are no functions yet. Push some with `npx convex dev`.</Empty>;
  return (
    <div className="split">
      <ul className="list" aria-label="Functions">
        {callable.map(({ identifier, functionType, visibility }) => (
          <li key={identifier}>
            <button
              type="button"
              aria-current={identifier === spec.identifier}
              onClick={() => choose(identifier)}
            >
              {identifier.replace(".js:", ":")}
              <small>
                {functionType.toLowerCase()}
                {visibility.kind === "internal" ? ", internal" : ""}
              </small>
            </button>
          </li>
        ))}
      </ul>
      <Runner key={spec.identifier} spec={spec} />
    </div>
  );
}

/** Of UTF-8, which `btoa` alone doesn't know. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function example(args: ArgsValidator): string {
  const fields = Object.entries(args.value ?? {}).filter(([, field]) => !field.optional);
  const values: Record<string, unknown> = {
    string: "",
    number: 0,
    boolean: false,
    array: [],
    object: {},
    null: null,
  };
  return JSON.stringify(
    Object.fromEntries(fields.map(([name, { fieldType }]) => [name, values[fieldType.type] ?? null])),
    null,
    2,
  );
}

function Runner({ spec }: { spec: Spec }): ReactNode {
  const { adminKey, component } = useConnection();
  const [args, setArgs] = useState(() => example(spec.args));
  const [identity, setIdentity] = useState("");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [running, setRunning] = useState(false);
  const run = async () => {
    setError(null);
    setRunning(true);
    try {
      const acting = identity.trim() === "" ? "" : `:${base64(JSON.stringify(JSON.parse(identity)))}`;
      const body = {
        path: spec.identifier,
        args: JSON.parse(args),
        format: "convex_encoded_json",
        componentPath: component,
      };
      setAnswer((await post(adminKey + acting, "/api/function", body)) as Answer);
    } catch (caught) {
      setAnswer(null);
      setError((caught as Error).message);
    }
    setRunning(false);
  };
  return (
    <section aria-label={`Run ${spec.identifier}`}>
      <label>
        Arguments, as JSON
        <textarea className="code" rows={8} value={args} onChange={(event) => setArgs(event.target.value)} />
      </label>
      <details>
        <summary>As somebody who is signed in</summary>
        <label>
          Identity, as JSON: {'{"subject": "…", "issuer": "…"}'}
          <textarea
            className="code"
            rows={3}
            value={identity}
            onChange={(event) => setIdentity(event.target.value)}
          />
        </label>
      </details>
      <div className="bar">
        <button type="button" className="primary" disabled={running} onClick={run}>
          {running ? "Running…" : `Run this ${spec.functionType.toLowerCase()}`}
        </button>
      </div>
      <Problem error={error} />
      {answer && (
        <div aria-live="polite">
          <h3>{answer.status === "success" ? "Result" : "Error"}</h3>
          <pre className={answer.status === "success" ? "" : "problem"}>
            {answer.status === "success" ? JSON.stringify(answer.value, null, 2) : answer.errorMessage}
          </pre>
          {(answer.logLines ?? []).length > 0 && (
            <>
              <h3>Log</h3>
              <pre>{answer.logLines?.join("\n")}</pre>
            </>
          )}
        </div>
      )}
    </section>
  );
}
