import { Page } from "../ui/Page";

export default function SignInPage() {
  return (
    <main>
      <Page title="Sign in" />
    </main>
  );
}
