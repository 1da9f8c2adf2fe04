/** Where the token of a request comes from. */

/**
 * Gives an access token. It is called when one is needed, and again with the one that was refused: then another one is to
 * be given, and many requests share one call.
 */
export type TokenProvider = (refused?: string) => string | Promise<string>;

/** The token that is sent now, and how to have another. */
export class TokenSource {
  private token: string | undefined;
  private coming: Promise<string> | undefined;

  constructor(private readonly given: string | TokenProvider | undefined) {
    if (typeof given === "string") this.token = given;
  }

  /** The token; undefined when nobody is signed in. */
  async current(): Promise<string | undefined> {
    if (this.token === undefined && typeof this.given === "function") await this.ask(this.given);
    return this.token;
  }

  /** Whether there is another one instead of this, which was refused. */
  async replace(refused: string | undefined): Promise<boolean> {
    if (typeof this.given !== "function") return false;
    if (this.token === refused) await this.ask(this.given, refused);
    return this.token !== refused;
  }

  private async ask(provider: TokenProvider, refused?: string): Promise<void> {
    this.coming ??= Promise.resolve(provider(refused)).finally(() => {
      this.coming = undefined;
    });
    this.token = await this.coming;
  }
}
