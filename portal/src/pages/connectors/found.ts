import type { Connector } from "./useConnectors";

type Described = Pick<Connector, "name" | "title" | "description" | "isSource" | "isDestination">;

/** Those that a search and an end of an integration leave. */
export function found<Each extends Described>(connectors: readonly Each[], search: string | null, end: string | null): Each[] {
  const words = (search ?? "").trim().toLowerCase();
  return connectors.filter(
    ({ name, title, description, isSource, isDestination }) =>
      `${name} ${title} ${description}`.toLowerCase().includes(words) &&
      (end !== "source" || isSource) &&
      (end !== "destination" || isDestination),
  );
}
