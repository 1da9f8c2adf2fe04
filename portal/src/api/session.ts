/** What the client needs of whoever asks: a person's session, or a portal's token. */
export interface Session {
  /** The access token; null while there is none. */
  token(): string | null;
  /** Whether the token ends so soon that it is to be renewed first. */
  isStale(): boolean;
  /** Another token; null when there will be none. Asked for several times at once, it is renewed once. */
  renew(): Promise<string | null>;
}

/** A session that is nobody's, for sign-in pages and tests. */
export const nobody: Session = {
  token: () => null,
  isStale: () => false,
  renew: () => Promise.resolve(null),
};
