export interface Readiness {
  status: string;
  checks: Readonly<Record<string, string>>;
  /** What is wrong and what to do, for whoever operates this. */
  reason: string | null;
}

/** Reads `GET /readyz`; null for what is something else, such as a proxy's page. */
export function readinessOf(text: string): Readiness | null {
  try {
    const told = JSON.parse(text) as Partial<Readiness>;
    return typeof told.status === "string" ? { status: told.status, checks: told.checks ?? {}, reason: told.reason ?? null } : null;
  } catch {
    return null;
  }
}
