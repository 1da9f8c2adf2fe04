import type { LogLevel } from "@/api/generated/schema";
import type { RunWithLines } from "./runsWithLines";

/** From what everybody may read to what only engineers do. */
export const layers = ["CUSTOMER", "SUPPORT", "ENGINEER", "LOG"] as const;
export type Layer = (typeof layers)[number];

export interface Line {
  id: string;
  at: string;
  layer: Layer;
  /** Of a line of the log. */
  level: LogLevel | null;
  /** Of an event: its type. */
  type: string | null;
  component: string;
  message: string;
  attributes: unknown;
}

export interface Sieve {
  layer: string | null;
  search: string | null;
  component: string | null;
  level: LogLevel | null;
}

/** Events and lines of a run in one, oldest first. The server has sifted the log; events are sifted here by the same. */
export function linesOf(run: RunWithLines, { layer, search, component, level }: Sieve): Line[] {
  const words = search?.toLowerCase();
  const events = run.events.edges
    .map(({ node }): Line => ({ ...node, layer: node.audience, level: null }))
    .filter(
      (event) =>
        // A level is something that events don't have.
        level === null &&
        (layer === null || layer === event.layer) &&
        (component === null || event.component === component) &&
        (words === undefined || `${event.type ?? ""} ${event.message}`.toLowerCase().includes(words)),
    );
  const logged = (run.logs?.edges ?? []).map(
    ({ node, cursor }): Line => ({ ...node, id: cursor, layer: "LOG", type: null }),
  );
  return [...events, ...logged].sort((a, b) => a.at.localeCompare(b.at));
}
