import type { ActionSubject, SuggestedAction } from "@/actions";
import type { GroupRow } from "./groupParts";

/** What is suggested for the newest of a group's open failures is suggested for all; where none is open, for one that is retried. */
export function actionsOf({ open, retried }: Pick<GroupRow, "open" | "retried">): readonly SuggestedAction[] {
  return (open.edges[0] ?? retried.edges[0])?.node.actions ?? [];
}

export function subjectOf(group: Pick<GroupRow, "id" | "open">): ActionSubject {
  return {
    kind: "group",
    id: group.id,
    isOnly: group.open.edges.length === 1 && !group.open.pageInfo.hasNextPage,
  };
}
