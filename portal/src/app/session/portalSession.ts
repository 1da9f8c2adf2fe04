import type { Session } from "@/api";

/** A portal's token: given by the page around, never stored, and renewed by asking that page. */
export class PortalSession implements Session {
  private renewal: Promise<string | null> | null = null;

  constructor(
    private current: string | null,
    private readonly ask: () => Promise<string | null> = () => Promise.resolve(null),
  ) {}

  token(): string | null {
    return this.current;
  }

  isStale(): boolean {
    return false;
  }

  renew(): Promise<string | null> {
    this.renewal ??= this.ask()
      .then((token) => (this.current = token))
      .finally(() => {
        this.renewal = null;
      });
    return this.renewal;
  }
}
