import { Repeat } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { Button, Dialog, EmptyState, FormActions, FormBanner, KeyValue, ProblemBanner, Section, Skeleton, Time, toast, useAddress } from "@/ui";
import { Delivery } from "./Delivery";
import "./deliveryFields";
import { NoticeItem } from "./NoticeItem";
import "./noticeItemFields";

const NOTICE = graphql(`
  query Notice($id: ID!, $withAttempts: Boolean!) {
    notice(id: $id) {
      id
      kind
      itemCount
      channelName
      policyName
      waitsFor
      dueAt
      createdAt
      sentAt
      items {
        ...NoticeItemFields
      }
      deliveries {
        ...DeliveryFields
      }
    }
  }
`);

const REPLAY = graphql(`
  mutation ReplayNotice($input: ReplayNoticeInput!) {
    replayNotice(input: $input) {
      notice {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** The notice that the address names: what it told, its way to each receiver with every attempt, and a way to send it again. */
export function NoticeSheet() {
  const { t } = useTranslation("notices");
  const [address, setAddress] = useAddress();
  const mayManage = usePermission("notices:manage");
  const id = address.get("notice");
  const [{ data, error }, execute] = useQuery({
    query: NOTICE,
    variables: { id: id ?? "", withAttempts: mayManage },
    pause: id === null,
  });
  const replay = useMutationForm(REPLAY, {
    payload: (answer) => answer.replayNotice,
    onDone: () => {
      toast(t("replay.done"));
      execute({ requestPolicy: "network-only" });
    },
  });
  if (id === null) return null;
  const close = () => {
    replay.reset();
    setAddress({ notice: null });
  };
  const notice = data?.notice;
  const title =
    notice?.kind === "TEST" ? t("test") : notice?.kind === "DIGEST" ? t("digestTitle", { count: notice.itemCount }) : t("one");
  const more = notice ? notice.itemCount - notice.items.length : 0;
  return (
    <Dialog kind="sheet" width="wide" title={title} isOpen onClose={close}>
      {error && <ProblemBanner problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />}
      {!data && !error && <Skeleton lines={6} />}
      {data && !notice && <EmptyState title={t("gone")} />}
      {notice && (
        <>
          <KeyValue
            entries={[
              [t("channel.one"), notice.channelName],
              [t("policy.one"), notice.policyName],
              [t("noticed"), <Time key="noticed" at={notice.createdAt} as="absolute" />],
              [t("sent"), notice.sentAt != null && <Time key="sent" at={notice.sentAt} as="absolute" />],
              [
                t("waits"),
                notice.sentAt == null && notice.waitsFor != null && (
                  <span key="waits">
                    {t(`wait.${notice.waitsFor}`)} {notice.dueAt != null && <Time at={notice.dueAt} />}
                  </span>
                ),
              ],
            ]}
          />
          {notice.items.map((item, at) => (
            <NoticeItem key={at} item={item} />
          ))}
          {more > 0 && <p>{t("more", { count: more })}</p>}
          <Section title={t("tab.deliveries")}>
            {notice.deliveries.length === 0 && <p>{t("noDeliveries")}</p>}
            {notice.deliveries.map((delivery) => (
              <Delivery key={delivery.id} delivery={delivery} />
            ))}
          </Section>
          <FormBanner form={replay} />
          {mayManage && notice.kind !== "TEST" && notice.sentAt != null && (
            <FormActions>
              <Button
                icon={<Repeat size={16} aria-hidden />}
                isPending={replay.isBusy}
                onPress={() => void replay.submit({ noticeId: notice.id })}
              >
                {t("replay.action")}
              </Button>
            </FormActions>
          )}
        </>
      )}
    </Dialog>
  );
}
