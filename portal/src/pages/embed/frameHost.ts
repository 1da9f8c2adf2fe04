import type { Host } from "./host";

/** How long the page around may take to answer: it asks its own server, which asks ours. */
const ANSWER_MS = 30_000;

/** What goes to and fro has this, so that it is told from messages of others. */
const SOURCE = "trestle";

interface Answer {
  source: typeof SOURCE;
  type: "token" | "connect-link";
  token?: unknown;
  url?: unknown;
}

/**
 * The page around a frame, which is spoken to by messages. It has one origin, which is known before anything is said: nothing
 * goes to another, and nothing is taken from another.
 */
export class FrameHost implements Host {
  private readonly waiting = new Map<Answer["type"], (answer: string | null) => void>();
  private tokenAsked: Promise<string | null> | null = null;

  constructor(
    private readonly frame: Window,
    private readonly origin: string,
  ) {
    frame.addEventListener("message", (event: MessageEvent<unknown>) => {
      if (event.source !== frame.parent || event.origin !== origin || !isAnswer(event.data)) return;
      const { type, token, url } = event.data;
      const value = type === "token" ? token : url;
      this.waiting.get(type)?.(typeof value === "string" && value ? value : null);
    });
  }

  /** Null where the page is no frame, or nobody knows of what. */
  static around(frame: Window): FrameHost | null {
    if (frame.parent === frame) return null;
    const ancestors = (frame.location as { ancestorOrigins?: DOMStringList }).ancestorOrigins;
    const named = new URLSearchParams(frame.location.search).get("parent");
    // Where there is no list of ancestors, the referrer is whoever made the frame, unless they keep it to themselves.
    const origin = ancestors?.[0] ?? originOf(frame.document.referrer) ?? originOf(named);
    return origin === null || origin === "null" ? null : new FrameHost(frame, origin);
  }

  readonly tell = (name: string, detail: object): void => this.say("event", { name, detail });

  readonly connectLink = (systemId: string): Promise<string | null> => this.ask("connect-link", "connect-requested", { systemId });

  readonly askToken = (): Promise<string | null> => {
    this.tokenAsked ??= this.ask("token", "token-expired", {}).finally(() => {
      this.tokenAsked = null;
    });
    return this.tokenAsked;
  };

  /** How high what is shown is, so that the frame can be as high. */
  tellHeight(height: number): void {
    this.say("height", { height });
  }

  private say(type: string, rest: object): void {
    this.frame.parent.postMessage({ source: SOURCE, type, ...rest }, this.origin);
  }

  private ask(type: Answer["type"], question: string, rest: object): Promise<string | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => answer(null), ANSWER_MS);
      const answer = (value: string | null) => {
        clearTimeout(timer);
        this.waiting.delete(type);
        resolve(value);
      };
      this.waiting.set(type, answer);
      this.say(question, rest);
    });
  }
}

function isAnswer(data: unknown): data is Answer {
  if (typeof data !== "object" || data === null) return false;
  const { source, type } = data as Partial<Answer>;
  return source === SOURCE && (type === "token" || type === "connect-link");
}

function originOf(address: string | null): string | null {
  try {
    return address ? new URL(address).origin : null;
  } catch {
    return null;
  }
}

/** A page by link, which nobody is around. */
export const nobodyAround: Host = { tell: () => undefined, connectLink: () => Promise.resolve(null) };
