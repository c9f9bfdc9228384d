/** The page `/_dashboard`: who has the admin key sees what is in the deployment, as it is now. */
import { ConvexProvider, type ConvexReactClient, useQuery } from "convex/react";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { ConnectionContext, checkKey, connect, query, savedKey, saveKey } from "./connection.ts";
import { Data } from "./data.tsx";
import { Functions } from "./functions.tsx";
import { Logs } from "./logs.tsx";
import { Environment, Files, Schedules } from "./more.tsx";
import { Boundary, Problem } from "./parts.tsx";
import "./style.css";

const PANELS = {
  data: ["Data", Data],
  functions: ["Functions", Functions],
  logs: ["Logs", Logs],
  schedules: ["Schedules", Schedules],
  files: ["Files", Files],
  environment: ["Environment", Environment],
} as const;
type Panel = keyof typeof PANELS;

function panelInAddress(): Panel {
  const name = location.hash.slice(1);
  return name in PANELS ? (name as Panel) : "data";
}

function App(): ReactNode {
  const [adminKey, setAdminKey] = useState(savedKey);
  if (adminKey === null) {
    return (
      <SignIn
        onKey={(key) => {
          saveKey(key);
          setAdminKey(key);
        }}
      />
    );
  }
  const signOut = () => {
    saveKey(null);
    setAdminKey(null);
  };
  return <Signed key={adminKey} adminKey={adminKey} onSignOut={signOut} />;
}

function SignIn({ onKey }: { onKey: (key: string) => void }): ReactNode {
  const [key, setKey] = useState("");
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const problem = await checkKey(key.trim());
    setError(problem);
    if (problem === null) onKey(key.trim());
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>Convex deployment</h1>
        <label>
          Admin key
          <input
            type="password"
            autoComplete="off"
            required
            value={key}
            onChange={(e) => setKey(e.target.value)}
          />
        </label>
        <p className="quiet">It lies in the file admin-key of the deployment's data folder.</p>
        <Problem error={error} />
        <button type="submit" className="primary">
          Open
        </button>
      </form>
    </main>
  );
}

function Signed({ adminKey, onSignOut }: { adminKey: string; onSignOut: () => void }): ReactNode {
  const [client, setClient] = useState<ConvexReactClient | null>(null);
  const [component, setComponent] = useState("");
  useEffect(() => {
    const connected = connect(adminKey);
    setClient(connected);
    return () => void connected.close();
  }, [adminKey]);
  if (!client) return null;
  return (
    <ConvexProvider client={client}>
      <ConnectionContext.Provider value={{ client, adminKey, component }}>
        <Frame client={client} component={component} setComponent={setComponent} onSignOut={onSignOut} />
      </ConnectionContext.Provider>
    </ConvexProvider>
  );
}

function Frame(props: {
  client: ConvexReactClient;
  component: string;
  setComponent: (component: string) => void;
  onSignOut: () => void;
}): ReactNode {
  const [panel, setPanel] = useState(panelInAddress);
  useEffect(() => {
    const follow = () => setPanel(panelInAddress());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const [, Shown] = PANELS[panel];
  return (
    <div className="frame">
      <header>
        <h1>Convex deployment</h1>
        <nav aria-label="Panels">
          {Object.entries(PANELS).map(([name, [title]]) => (
            <a key={name} href={`#${name}`} aria-current={name === panel ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span className="spring" />
        <ComponentChoice component={props.component} onChoose={props.setComponent} />
        <button type="button" onClick={props.onSignOut}>
          Sign out
        </button>
      </header>
      <Lost client={props.client} />
      <main>
        <Boundary key={panel + props.component}>
          <Shown />
        </Boundary>
      </main>
    </div>
  );
}

function ComponentChoice(props: { component: string; onChoose: (component: string) => void }): ReactNode {
  const components = useQuery(query("_system/frontend:components"), {}) as string[] | undefined;
  if (!components || components.length < 2) return null;
  return (
    <select
      aria-label="Component"
      value={props.component}
      onChange={(event) => props.onChoose(event.target.value)}
    >
      {components.map((path) => (
        <option key={path} value={path}>
          {path === "" ? "app" : path}
        </option>
      ))}
    </select>
  );
}

/** Says so when the connection has been away for more than a moment. */
function Lost({ client }: { client: ConvexReactClient }): ReactNode {
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let since: number | null = null;
    const timer = setInterval(() => {
      const { isWebSocketConnected } = client.connectionState();
      if (isWebSocketConnected) since = null;
      else since ??= Date.now();
      setLost(since !== null && Date.now() - since > 1_500);
    }, 500);
    return () => clearInterval(timer);
  }, [client]);
  return lost ? (
    <p className="problem" role="status">
      The connection to the deployment is lost. It comes back by itself when the deployment does.
    </p>
  ) : null;
}

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
