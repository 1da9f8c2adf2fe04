/** People who sign in, for programs that work as one of them. */

import { UserErrors } from "./errors.js";
import { RefreshSessionDocument, SignInDocument, SignOutDocument } from "./generated/graphql.js";
import { given, Installation, type TrestleOptions } from "./installation.js";
import type { TokenProvider } from "./token.js";

/** Who signs in, and where. */
export interface Credentials extends Pick<TrestleOptions, "url" | "fetch" | "retry" | "timeout"> {
  readonly email: string;
  readonly password: string;
  /** Gives a code of the second factor, where there is one. */
  readonly code?: () => string | Promise<string>;
}

/** Somebody's session: signs in when a token is first needed, and renews it when it ends. */
export class PersonSession {
  private readonly installation: Installation;
  private refreshToken: string | undefined;
  private accessToken: string | undefined;

  constructor(private readonly credentials: Credentials) {
    this.installation = new Installation(credentials);
  }

  /** For a client: `new Trestle({ url, tokenProvider: session.tokenProvider })`. */
  readonly tokenProvider: TokenProvider = async () => {
    this.accessToken = (await this.refreshed()) ?? (await this.signedIn());
    return this.accessToken;
  };

  /** Ends the session. */
  async signOut(): Promise<void> {
    const { accessToken: token, credentials } = this;
    this.accessToken = this.refreshToken = undefined;
    if (token !== undefined) await new Installation({ ...credentials, token }).mutate(SignOutDocument);
  }

  private async refreshed(): Promise<string | undefined> {
    const { refreshToken } = this;
    if (refreshToken === undefined) return undefined;
    // It works once: whatever becomes of this, it is not good any more.
    this.refreshToken = undefined;
    try {
      return this.keep(
        (await this.installation.mutate(RefreshSessionDocument, { input: { refreshToken } })).refreshSession,
      );
    } catch {
      return undefined;
    }
  }

  private async signedIn(): Promise<string> {
    const { email, password, code } = this.credentials;
    try {
      return this.keep((await this.installation.mutate(SignInDocument, { input: { email, password } })).signIn);
    } catch (error) {
      if (!(error instanceof UserErrors && error.has("SECOND_FACTOR_REQUIRED") && code)) throw error;
      const input = { email, password, code: await code() };
      return this.keep((await this.installation.mutate(SignInDocument, { input })).signIn);
    }
  }

  private keep({ accessToken, refreshToken }: { accessToken: string | null; refreshToken: string | null }): string {
    this.refreshToken = refreshToken ?? undefined;
    return given(accessToken, "token");
  }
}
