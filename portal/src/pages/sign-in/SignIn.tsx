import { useState } from "react";
import { Navigate, useSearchParams } from "react-router";
import { useSessionStatus } from "@/app/session/SessionProvider";
import { CodeForm } from "./CodeForm";
import { type Credentials, PasswordForm } from "./PasswordForm";
import { SingleSignOnReturn } from "./SingleSignOnReturn";

/** Sign in: by password and second factor, by an organisation's provider, or in a demo as one of its people. */
export default function SignIn() {
  const [address] = useSearchParams();
  const status = useSessionStatus();
  const [credentials, setCredentials] = useState<Credentials | null>(null);
  if (status === "signedIn") return <Navigate to={localPath(address.get("next"))} replace />;
  if (address.has("state")) return <SingleSignOnReturn />;
  if (credentials) return <CodeForm credentials={credentials} onBack={() => setCredentials(null)} />;
  return <PasswordForm onCodeNeeded={setCredentials} />;
}

/** A path of this portal; never another site. */
export function localPath(path: string | null): string {
  return path !== null && /^\/(?![/\\])/.test(path) ? path : "/";
}
