import type { Client } from "@urql/core";
import "./signedIn";
import { createApi, graphql, nobody, open, type ResultOf, type Session } from "@/api";

const REFRESH = graphql(`
  mutation RefreshSession($input: RefreshSessionInput!) {
    refreshSession(input: $input) {
      ...SignedIn
    }
  }
`);

/** Fields that `signIn`, `refreshSession`, `finishSingleSignOn` and `acceptInvitation` answer with. */
export type SignedIn = ResultOf<typeof REFRESH>["refreshSession"];

export type SessionStatus = "starting" | "signedOut" | "signedIn" | "unreachable";

export interface SessionState {
  status: SessionStatus;
  /** Another number means another person or a new beginning: whatever was read before is of no use. */
  generation: number;
}

interface Kept {
  refreshToken: string;
  userId: string;
}

const KEY = "trestle.session";
/** So long before its end a token is renewed: longer than a request takes. */
const MARGIN_MS = 30_000;

/**
 * A person who is signed in. The access token is in memory only; the refresh token, which is good once, is kept for all tabs,
 * which take turns to use it.
 */
export class PersonSession implements Session {
  private access: { token: string; endsAt: number } | null = null;
  private renewal: Promise<string | null> | null = null;
  private readonly listeners = new Set<() => void>();
  private current: SessionState = { status: "starting", generation: 0 };
  private readonly api: Client;

  constructor(private readonly language: () => string) {
    this.api = createApi({ session: nobody, language: this.language });
  }

  /** Goes on where this browser was signed in, if it was, and listens to what other tabs do for as long as the page is there. */
  start(): boolean {
    const listen = (event: StorageEvent) => {
      if (event.key !== KEY && event.key !== null) return;
      const before = parsed(event.oldValue)?.userId;
      const now = parsed(event.newValue)?.userId;
      if (!now) this.leave();
      else if (before !== now) {
        this.access = null;
        void this.renew();
      }
    };
    window.addEventListener("storage", listen);
    const isKept = kept() !== null;
    if (isKept) void this.renew();
    else this.become("signedOut");
    return isKept;
  }

  token(): string | null {
    return this.access?.token ?? null;
  }

  isStale(): boolean {
    return kept() !== null && (!this.access || Date.now() > this.access.endsAt - MARGIN_MS);
  }

  renew(): Promise<string | null> {
    this.renewal ??= oneTabAtATime(() => this.rotate()).finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  /** What a mutation that signs somebody in answered. */
  begin({ accessToken, refreshToken, expiresAt, viewer }: SignedIn): void {
    if (!accessToken || !refreshToken || !expiresAt || !viewer?.user) return;
    localStorage.setItem(KEY, JSON.stringify({ refreshToken, userId: viewer.user.id } satisfies Kept));
    this.access = { token: accessToken, endsAt: Date.parse(expiresAt) };
    this.become("signedIn", true);
  }

  /** Forgets the tokens, in every tab. The server is told by whoever calls this. */
  end(): void {
    localStorage.removeItem(KEY);
    this.leave();
  }

  readonly state = (): SessionState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private async rotate(): Promise<string | null> {
    const before = kept();
    if (!before) {
      this.leave();
      return null;
    }
    const input = { refreshToken: before.refreshToken };
    const { data, error } = await this.api.mutation(REFRESH, { input }, open).toPromise();
    if (error || !data) {
      // Nobody said that the session is over: it is kept, and tried again.
      if (this.current.status === "starting") this.become("unreachable");
      return this.token();
    }
    const next = data.refreshSession;
    if (next.userErrors.length > 0 || !next.accessToken || !next.refreshToken || !next.expiresAt) {
      this.end();
      return null;
    }
    const userId = next.viewer?.user?.id ?? before.userId;
    localStorage.setItem(KEY, JSON.stringify({ refreshToken: next.refreshToken, userId } satisfies Kept));
    this.access = { token: next.accessToken, endsAt: Date.parse(next.expiresAt) };
    if (this.current.status !== "signedIn") this.become("signedIn", true);
    return next.accessToken;
  }

  private leave(): void {
    this.access = null;
    if (this.current.status !== "signedOut") this.become("signedOut", true);
  }

  private become(status: SessionStatus, isNew = false): void {
    this.current = { status, generation: this.current.generation + (isNew ? 1 : 0) };
    for (const listener of this.listeners) listener();
  }
}

/** A refresh token that comes twice ends its session, so two tabs must not send the same. Pages without TLS have no locks. */
async function oneTabAtATime<T>(work: () => Promise<T>): Promise<T> {
  const locks = (navigator as { locks?: LockManager }).locks;
  return locks ? locks.request(KEY, work) : work();
}

function kept(): Kept | null {
  return parsed(localStorage.getItem(KEY));
}

function parsed(text: string | null): Kept | null {
  if (!text) return null;
  try {
    const value = JSON.parse(text) as Partial<Kept>;
    return value.refreshToken && value.userId ? (value as Kept) : null;
  } catch {
    return null;
  }
}
