import { useMutation } from "convex/react";
import { Clock, Pencil, RotateCcw, X } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { api } from "../api";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { useAct } from "../ui/useAct";
import { currentCall, offers } from "./actions";
import { CallAtDialog } from "./CallAtDialog";
import { EditDialog } from "./EditDialog";
import type { Call, Request } from "./show";

type Opened = "edit" | "callAt" | "cancel" | null;

/** What can be done with a request as it stands. */
export function RequestActions({ request, calls }: { request: Request; calls: Call[] }) {
  const [opened, setOpened] = useState<Opened>(null);
  const [, navigate] = useLocation();
  const requestId = request._id;
  const cancelRequest = useMutation(api.requests.cancel);
  const callAgain = useMutation(api.requests.callAgain);
  const cancel = useAct(() => cancelRequest({ requestId }));
  const again = useAct(async () => navigate(paths.request(await callAgain({ requestId }))));
  const can = (action: Parameters<typeof offers>[1]) => offers(request.status, action);
  const close = (open: boolean) => !open && setOpened(null);
  return (
    <>
      {can("edit") && (
        <Button size="sm" onClick={() => setOpened("edit")}>
          <Pencil aria-hidden /> Edit
        </Button>
      )}
      {can("callAt") && (
        <Button size="sm" onClick={() => setOpened("callAt")}>
          <Clock aria-hidden /> Call at
        </Button>
      )}
      {can("callAgain") && (
        <Button size="sm" busy={again.busy} onClick={() => void again.run()}>
          <RotateCcw aria-hidden /> Call again
        </Button>
      )}
      {can("cancel") && (
        <Button size="sm" variant="dangerGhost" onClick={() => setOpened("cancel")}>
          <X aria-hidden /> Cancel
        </Button>
      )}
      {/* A status that changes meanwhile takes the dialog away with the action. */}
      {can("edit") && <EditDialog open={opened === "edit"} onOpenChange={close} request={request} />}
      {can("callAt") && <CallAtDialog open={opened === "callAt"} onOpenChange={close} request={request} />}
      {can("cancel") && (
        <Confirm
          open={opened === "cancel"}
          onOpenChange={close}
          title="Cancel this request?"
          description={
            currentCall(calls) === undefined
              ? "Floyd will not call. You can have it call again later."
              : "Floyd hangs up at once."
          }
          action="Cancel the request"
          onConfirm={() => cancel.run()}
        />
      )}
    </>
  );
}
