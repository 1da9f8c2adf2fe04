import type { ActionSubject, SuggestedAction } from "@/actions";
import type { GroupRow } from "./groupParts";

/** What is suggested for the newest of a group's open failures is suggested for all of them. */
export function actionsOf(group: Pick<GroupRow, "open">): readonly SuggestedAction[] {
  return group.open.edges[0]?.node.actions ?? [];
}

export function subjectOf(group: Pick<GroupRow, "id" | "open">): ActionSubject {
  return {
    kind: "group",
    id: group.id,
    openFailureId: group.open.edges[0]?.node.id ?? null,
    isOnly: group.open.edges.length === 1 && !group.open.pageInfo.hasNextPage,
  };
}
