import type { Host } from "@/pages/embed/host";
import { ElementSession } from "./ElementSession";
import type { Mounted, PartProps } from "./mount";
import { styleSheet } from "./styleSheet";

export type RenewToken = () => Promise<string>;
export type ConnectLink = (systemId: string) => Promise<string>;

/** What a page may have set before this script was there. */
const properties = ["token", "url", "language", "theme", "renewToken", "connectLink"] as const;

/**
 * A part of the portal as an element of somebody else's page. The token is in memory only: as a property it is in no document,
 * and as an attribute it is where the page has put it.
 */
export abstract class TrestleElement extends HTMLElement {
  static readonly observedAttributes = ["token", "url", "language", "theme", "integration", "system"];

  private renewing: RenewToken | null = null;
  private linking: ConnectLink | null = null;
  private session = new ElementSession(null, () => this.askToken());
  private mounted: Promise<Mounted> | null = null;
  private readonly inside: { frame: HTMLElement; overlays: HTMLElement };
  /** Counts beginnings: with another one nothing that was read before is shown. */
  private generation = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet()];
    const frame = root.appendChild(document.createElement("div"));
    frame.className = "frame";
    frame.part.add("frame");
    const overlays = root.appendChild(document.createElement("div"));
    overlays.className = "overlays";
    this.inside = { frame, overlays };
  }

  /** What it begins with. */
  protected abstract get start(): string;

  /** Its session's token; null where there is none. */
  get token(): string | null {
    return this.session.token();
  }

  set token(token: string | null) {
    const given = token ?? null;
    if (this.session.take(given)) return;
    this.session = new ElementSession(given, () => this.askToken());
    this.generation += 1;
    this.show();
  }

  /** Gets another token from the page's server; asked when one has ended, or is about to. */
  get renewToken(): RenewToken | null {
    return this.renewing;
  }

  set renewToken(renew: RenewToken | null) {
    this.renewing = renew;
  }

  /** Gets a link from the page's server, which makes it with `createConnectLink`. */
  get connectLink(): ConnectLink | null {
    return this.linking;
  }

  set connectLink(link: ConnectLink | null) {
    this.linking = link;
  }

  /** Where Trestle is: by default where this script came from. */
  get url(): string {
    return this.getAttribute("url") ?? new URL(import.meta.url).origin;
  }

  set url(url: string) {
    this.setAttribute("url", url);
  }

  /** BCP 47; by default that of the document around it, or of the browser. */
  get language(): string | null {
    return this.getAttribute("language") ?? this.closest("[lang]")?.getAttribute("lang") ?? null;
  }

  set language(language: string | null) {
    this.reflect("language", language);
  }

  /** `light`, `dark`, or `system`, which is what the reader's system has. */
  get theme(): string {
    return this.getAttribute("theme") ?? "system";
  }

  set theme(theme: string) {
    this.setAttribute("theme", theme);
  }

  connectedCallback(): void {
    for (const name of properties) this.takeEarlier(name);
    this.show();
  }

  disconnectedCallback(): void {
    // Whoever moves it takes it out and puts it in again at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      void this.mounted?.then((mounted) => mounted.unmount());
      this.mounted = null;
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === "token") this.token = now;
    else if (name === "theme") return;
    else {
      if (name !== "language") this.generation += 1;
      this.show();
    }
  }

  /** The address with the attribute as a parameter, where there is one. */
  protected addressWith(path: string, attribute: string): string {
    const value = this.getAttribute(attribute);
    return value ? `${path}?${new URLSearchParams({ [attribute]: value }).toString()}` : path;
  }

  private show(): void {
    if (!this.isConnected) return;
    this.mounted ??= import("./mount").then(({ mount }) => mount(this.inside.frame));
    void this.mounted.then((mounted) => {
      if (this.isConnected) mounted.show(this.props());
    });
  }

  private props(): PartProps {
    return {
      generation: this.generation,
      session: this.session,
      url: this.url,
      language: this.language,
      start: this.start,
      element: this,
      overlays: this.inside.overlays,
      host: this.host,
    };
  }

  private readonly host: Host = {
    tell: (name, detail) => this.tell(name, detail),
    connectLink: async (systemId) => {
      this.tell("connect-requested", { systemId });
      if (!this.linking) return this.getAttribute("link");
      return this.linking(systemId).catch(() => null);
    },
  };

  private async askToken(): Promise<string | null> {
    if (this.renewing) return this.renewing().catch(() => null);
    this.tell("token-expired", {});
    return this.session.given();
  }

  private tell(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(`trestle-${name}`, { bubbles: true, composed: true, detail }));
  }

  private reflect(name: string, value: string | null): void {
    if (value === null) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }

  /** A property that was set on the element before it was one of ours hides ours: it is set again. */
  private takeEarlier(name: (typeof properties)[number]): void {
    if (!Object.hasOwn(this, name)) return;
    const own = Object.getOwnPropertyDescriptor(this, name)?.value as never;
    Reflect.deleteProperty(this, name);
    this[name] = own;
  }
}
