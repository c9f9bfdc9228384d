import { Link } from "wouter";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { EmptyState } from "../ui/States";

export function NotFoundPage() {
  return (
    <Page title="Nothing here">
      <EmptyState
        title="There is no page at this address"
        action={
          <Button asChild>
            <Link href={paths.requests}>To your requests</Link>
          </Button>
        }
      />
    </Page>
  );
}
