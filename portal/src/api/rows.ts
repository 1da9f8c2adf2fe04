/** Something in a list that is told apart by its id. */
export interface Row {
  id: string;
}

export interface Page<Node> {
  nodes: Node[];
  endCursor: string | null;
  hasNextPage: boolean;
}

/**
 * The rows after the first page was read again: it replaces what it overlaps with, and what was loaded behind it stays. Where
 * it overlaps with nothing, so much has changed that the list begins anew.
 */
export function renewHead<Node extends Row>(rows: readonly Node[], head: Page<Node>): { rows: Node[]; isAnew: boolean } {
  const last = head.nodes.at(-1);
  const at = last ? rows.findIndex((row) => row.id === last.id) : -1;
  if (at < 0 || !head.hasNextPage) return { rows: [...head.nodes], isAnew: true };
  const fresh = new Set(head.nodes.map((node) => node.id));
  return { rows: [...head.nodes, ...rows.slice(at + 1).filter((row) => !fresh.has(row.id))], isAnew: false };
}

/** The rows with another page behind them; one that moved there meanwhile is not shown twice. */
export function append<Node extends Row>(rows: readonly Node[], nodes: readonly Node[]): Node[] {
  const shown = new Set(rows.map((row) => row.id));
  return [...rows, ...nodes.filter((node) => !shown.has(node.id))];
}

/** The rows with the fields of `changed` where its row is shown; the same array where it is not. */
export function patched<Node extends Row>(rows: Node[], changed: Partial<Node> & Row): Node[] {
  const at = rows.findIndex((row) => row.id === changed.id);
  return at < 0 ? rows : rows.map((row, index) => (index === at ? { ...row, ...changed } : row));
}
