/** The web components: `<script type="module" src="…/elements.js">`. Docs: `docs/embedding.md` at the repository's root. */
import { TrestleElement } from "./TrestleElement";

/** Work through what failed, the most urgent first; `integration` for one of them alone. */
export class TrestleFailureInbox extends TrestleElement {
  protected override get start(): string {
    return this.addressWith("/inbox", "integration");
  }
}

/** Integrations with their health; `integration` begins with one of them. */
export class TrestleIntegrations extends TrestleElement {
  protected override get start(): string {
    const id = this.getAttribute("integration");
    return id ? `/integrations/${encodeURIComponent(id)}` : "/integrations";
  }
}

/** Runs, newest first; `integration` for those of one. */
export class TrestleRuns extends TrestleElement {
  protected override get start(): string {
    return this.addressWith("/runs", "integration");
  }
}

/** A system to be connected, which `system` names. */
export class TrestleConnect extends TrestleElement {
  protected override get start(): string {
    return `/connect/${encodeURIComponent(this.getAttribute("system") ?? "")}`;
  }
}

const elements = {
  "trestle-failure-inbox": TrestleFailureInbox,
  "trestle-integrations": TrestleIntegrations,
  "trestle-runs": TrestleRuns,
  "trestle-connect": TrestleConnect,
};

// A page may load this twice, from two bundles.
for (const [name, element] of Object.entries(elements)) {
  if (!customElements.get(name)) customElements.define(name, element);
}
