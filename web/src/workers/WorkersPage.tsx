import { Page } from "../ui/Page";

export default function WorkersPage() {
  return <Page title="Workers" />;
}
