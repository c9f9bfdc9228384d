import { Phone, Volume2, VolumeX } from "lucide-react";
import { Link } from "wouter";
import { useConfig } from "../config";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { EmptyState } from "../ui/States";
import { OnThePhone } from "./OnThePhone";
import { Over } from "./Over";
import { Rings } from "./Rings";
import { useRingSilent } from "./ringSetting";
import { useCalls, usePhone } from "./usePhone";

/** The telephone that Floyd calls when it has no telephone line: whoever picks up here plays the one it calls. */
export default function LinePage() {
  const { line } = useConfig();
  // On the phone all of a small screen is for the call.
  const talking = usePhone().kind === "up";
  const waiting = line === "browser" && !talking;
  return (
    <Page
      title="The line"
      subtitle={waiting ? "Calls ring here, and you play whoever is called." : undefined}
      actions={waiting && <RingSwitch />}
    >
      {line === "browser" ? <Telephone /> : <NoLine />}
    </Page>
  );
}

function Telephone() {
  const state = usePhone();
  const { first, second } = useCalls();
  if (state.kind === "up") return <OnThePhone state={state} second={second} />;
  if (first !== undefined) return <Rings call={first} />;
  if (state.kind === "over") return <Over state={state} />;
  return (
    <EmptyState
      icon={<Phone />}
      title="Nobody is calling"
      action={
        <Button asChild variant="primary">
          <Link href={paths.requests}>Ask Floyd to call somebody</Link>
        </Button>
      }
    >
      <p>
        When Floyd calls somebody, this page rings, on whatever page of Floyd's you are. You answer in their
        place, by microphone or by typing.
      </p>
      <p className="mt-2 text-sm">
        This line carries no text messages: what Floyd needs to know from you is on the Questions page.
      </p>
    </EmptyState>
  );
}

function NoLine() {
  return (
    <EmptyState icon={<Phone />} title="Calls go over the telephone here">
      <p>
        To try Floyd without a telephone line, start it with <code>floyd up --line browser</code> (or
        FLOYD_LINE=browser): then its calls ring on this page.
      </p>
    </EmptyState>
  );
}

function RingSwitch() {
  const [silent, setSilent] = useRingSilent();
  return (
    <Button variant="ghost" aria-pressed={!silent} onClick={() => setSilent(!silent)}>
      {silent ? <VolumeX aria-hidden /> : <Volume2 aria-hidden />} Ring tone {silent ? "off" : "on"}
    </Button>
  );
}
