import { useEffect, useState } from "react";

export interface DemoPerson {
  title: string;
  email: string;
  password: string;
}

export interface PortalSettings {
  version: string;
  /** Who one can be in a demo; empty elsewhere. */
  demoSignIns: DemoPerson[];
  graphiql: boolean;
}

let settings: Promise<PortalSettings | null> | undefined;

/** What the server says of itself before anybody has signed in; null until then, and where it does not. */
export function usePortalSettings(): PortalSettings | null {
  const [value, setValue] = useState<PortalSettings | null>(null);
  useEffect(() => {
    settings ??= fetch("/portal.json")
      .then((answer) => (answer.ok ? (answer.json() as Promise<PortalSettings>) : null))
      .catch(() => null);
    void settings.then(setValue);
  }, []);
  return value;
}
