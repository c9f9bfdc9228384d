import { useQuery } from "convex/react";
import { api } from "../api";
import { Section } from "../ui/Card";
import { Page } from "../ui/Page";
import { SkeletonList } from "../ui/Skeleton";
import { CallSettings } from "./CallSettings";
import { SignedInSection } from "./SignedIn";
import { You } from "./You";

export default function SettingsPage() {
  const me = useQuery(api.users.me, {});
  return (
    <Page title="Settings and people">
      {me ? (
        <>
          <You me={me} />
          <CallSettings me={me} />
          <SignedInSection />
          <People />
        </>
      ) : (
        <SkeletonList />
      )}
    </Page>
  );
}

function People() {
  return (
    <Section title="Other people">
      <p className="text-muted">
        Several people can use this Floyd. Each has requests, facts and contacts of their own, and sees nobody
        else's. Whoever runs it makes a sign-in link for each of them, which works once:
      </p>
      <pre className="mt-3 overflow-x-auto rounded-card bg-subtle px-4 py-3 font-mono text-sm">
        <code>floyd token --link --person sam</code>
      </pre>
    </Section>
  );
}
