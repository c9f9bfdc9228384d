import { Page } from "../ui/Page";

export default function KnowledgePage() {
  return <Page title="What Floyd knows" />;
}
