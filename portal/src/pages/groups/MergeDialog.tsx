import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { NoteForm } from "@/actions/NoteForm";
import { graphql, problemOf, useMutationForm } from "@/api";
import { Checkbox, Dialog, EmptyState, ErrorState, Skeleton, Time, toast } from "@/ui";
import styles from "./MergeDialog.module.css";

const GROUPS_TO_MERGE = graphql(`
  query GroupsToMerge($integrationId: ID!) {
    failureGroups(filter: { integrationId: $integrationId }, first: 100) {
      edges {
        node {
          id
          summary
          stream
          code
          failureCount
          lastSeenAt
          mergedInto {
            id
          }
        }
      }
    }
  }
`);

const MERGE = graphql(`
  mutation MergeFailureGroups($input: MergeFailureGroupsInput!) {
    mergeFailureGroups(input: $input) {
      failureGroup {
        id
        failureCount
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface MergeDialogProps {
  groupId: string;
  integrationId: string;
  onClose: () => void;
  onDone: () => void;
}

/** A call merges so many. */
const MERGED_MAX = 50;

/** Makes one group of several that have the same cause. */
export default function MergeDialog({ groupId, integrationId, onClose, onDone }: MergeDialogProps) {
  const { t } = useTranslation("groups");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [{ data, error }, execute] = useQuery({ query: GROUPS_TO_MERGE, variables: { integrationId } });
  const others = (data?.failureGroups.edges ?? []).map(({ node }) => node).filter((each) => each.id !== groupId && !each.mergedInto);
  const form = useMutationForm(MERGE, {
    payload: (answer) => answer.mergeFailureGroups,
    fields: ["note"],
    onDone: () => {
      toast(t("decision.merge.done", { count: chosen.size }));
      onDone();
    },
  });
  const choose = (id: string, isChosen: boolean) => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  return (
    <Dialog title={t("decision.merge.title")} isOpen onClose={onClose}>
      {error ? (
        <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
      ) : !data ? (
        <Skeleton lines={4} height={32} />
      ) : others.length === 0 ? (
        <EmptyState title={t("decision.merge.none")}>{t("decision.merge.noneHelp")}</EmptyState>
      ) : (
        <NoteForm
          form={form}
          name="note"
          label={t("decision.note")}
          lengthMax={4_000}
          action={t("decision.merge.action", { count: chosen.size })}
          isDisabled={chosen.size === 0 || chosen.size > MERGED_MAX}
          onSubmit={(note) => void form.submit({ groupId, mergeIds: [...chosen], note: note === "" ? null : note })}
          onClose={onClose}
        >
          <p>{t("decision.merge.what")}</p>
          <ul className={styles.groups}>
            {others.map((group) => (
              <li key={group.id}>
                <Checkbox
                  isSelected={chosen.has(group.id)}
                  onChange={(isChosen) => choose(group.id, isChosen)}
                  description={
                    <>
                      {[group.stream, group.code].filter((part) => part !== null).join(" · ")} · {t("decision.merge.failures", { count: group.failureCount })} · <Time at={group.lastSeenAt} />
                    </>
                  }
                >
                  {group.summary}
                </Checkbox>
              </li>
            ))}
          </ul>
        </NoteForm>
      )}
    </Dialog>
  );
}
