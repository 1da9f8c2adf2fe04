import type { Session } from "@/api";

/** So long before its end a token is renewed: longer than a request takes. */
const MARGIN_MS = 30_000;

type Ask = () => Promise<string | null>;

/** A portal's token: given by the page around, never stored, and renewed by asking that page, where it can be asked. */
export class PortalSession implements Session {
  private renewal: Promise<string | null> | null = null;
  private endsAt: number;

  constructor(
    private current: string | null,
    private readonly ask?: Ask,
  ) {
    this.endsAt = endOf(current);
  }

  token(): string | null {
    return this.current;
  }

  isStale(): boolean {
    return this.ask !== undefined && (this.current === null || Date.now() > this.endsAt - MARGIN_MS);
  }

  /** Whether another token has been asked for, and is not there yet. */
  get isRenewing(): boolean {
    return this.renewal !== null;
  }

  renew(): Promise<string | null> {
    this.renewal ??= (this.ask?.() ?? Promise.resolve(null))
      .then((token) => {
        this.current = token;
        this.endsAt = endOf(token);
        return token;
      })
      .finally(() => {
        this.renewal = null;
      });
    return this.renewal;
  }
}

/** When a token says that it ends, in milliseconds; the server judges it anyhow. */
export function endOf(token: string | null): number {
  try {
    const claims = (token ?? "").split(".")[1] ?? "";
    const { exp } = JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/"))) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1_000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
