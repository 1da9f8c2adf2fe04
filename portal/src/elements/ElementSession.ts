import { PortalSession } from "@/app/session/portalSession";

/** How long the page around may take to set another token. */
const ANSWER_MS = 30_000;

/** The session of an element, whose page gives it tokens when it likes, and when it is asked. */
export class ElementSession extends PortalSession {
  private expect: ((token: string) => void) | null = null;

  /** The next token that the page sets; null when it sets none in time. */
  given(): Promise<string | null> {
    return new Promise((resolve) => {
      const answer = (token: string | null) => {
        clearTimeout(timer);
        this.expect = null;
        resolve(token);
      };
      const timer = setTimeout(() => answer(null), ANSWER_MS);
      this.expect = answer;
    });
  }

  /** Whether a token is of this session: the same, or the one that was asked for. Any other is somebody else's. */
  take(token: string | null): boolean {
    if (token === this.token()) return true;
    if (token === null || !this.isRenewing) return false;
    this.expect?.(token);
    return true;
  }
}
