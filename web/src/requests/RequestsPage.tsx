import { Page } from "../ui/Page";

export default function RequestsPage() {
  return <Page title="Requests" />;
}
