import { Page } from "../ui/Page";

export default function QuestionsPage() {
  return <Page title="Questions" />;
}
