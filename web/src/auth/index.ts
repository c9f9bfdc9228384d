/** Signing in. `AuthProvider` is the line to change for another identity provider; README.md says how. */
export { type Account, useAccount } from "./account";
export { FloydAuth as AuthProvider } from "./FloydAuth";
export { SignedIn } from "./SignedIn";

import "./linkCode";
