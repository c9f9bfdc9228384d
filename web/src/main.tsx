import { ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { type Config, loadConfig } from "./config";
import { fetchPage } from "./routes";
import { messageOf } from "./ui/failure";
import { ErrorState } from "./ui/States";
import "./styles.css";

const element = document.getElementById("root");
if (element === null) throw new Error("index.html has no #root");
const root = createRoot(element);

fetchPage(location.pathname);
try {
  start(await loadConfig());
} catch (error) {
  root.render(
    <main className="mx-auto max-w-xl px-4 py-16">
      <ErrorState title="Floyd is not here" retry={() => location.reload()}>
        {error instanceof Error ? error.message : messageOf(error)}
      </ErrorState>
    </main>,
  );
}

function start(config: Config): void {
  const client = new ConvexReactClient(config.deploymentUrl, {
    // Floyd's tokens are fresh when they are fetched: a second one at once would only run every query again.
    initialAuthTokenReuse: true,
    authRefreshTokenLeewaySeconds: 60,
  });
  root.render(
    <StrictMode>
      <App config={config} client={client} />
    </StrictMode>,
  );
}
