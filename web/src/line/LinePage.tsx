import { Page } from "../ui/Page";

export default function LinePage() {
  return <Page title="The line" />;
}
