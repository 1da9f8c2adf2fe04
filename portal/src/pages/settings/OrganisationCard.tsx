import { LockKeyhole, UserCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm } from "@/api";
import { Badge, Button, Card, endOf, EndSelect, Form, FormActions, FormBanner, ProblemBanner, Skeleton, Time, toast } from "@/ui";

const ACCESS = graphql(`
  query SupportAccess($id: ID!) {
    tenant(id: $id) {
      id
      supportAccess
      supportAccessUntil
    }
  }
`);

const SET = graphql(`
  mutation SetSupportAccess($input: SetSupportAccessInput!) {
    setSupportAccess(input: $input) {
      tenant {
        id
        supportAccess
        supportAccessUntil
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Whether the operator's staff may look at records that failed. */
export function OrganisationCard({ tenantId }: { tenantId: string }) {
  const { t } = useTranslation("settings");
  const [{ data, error }, execute] = useQuery({ query: ACCESS, variables: { id: tenantId } });
  const form = useMutationForm(SET, {
    payload: (answer) => answer.setSupportAccess,
    onDone: ({ tenant }) => toast(tenant?.supportAccess ? t("support.allowed") : t("support.withdrawn")),
  });
  const tenant = data?.tenant;
  return (
    <Card
      title={t("support.title")}
      description={t("support.lead")}
      actions={
        tenant &&
        (tenant.supportAccess ? (
          <Badge tone="info" icon={<UserCheck size={13} aria-hidden />}>
            {t("support.on")}
          </Badge>
        ) : (
          <Badge icon={<LockKeyhole size={13} aria-hidden />}>{t("support.off")}</Badge>
        ))
      }
    >
      {error && <ProblemBanner problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />}
      {!data && !error && <Skeleton lines={2} />}
      <FormBanner form={form} />
      {tenant?.supportAccess === true && (
        <>
          <p>
            {t("support.until")}{" "}
            {tenant.supportAccessUntil != null ? <Time at={tenant.supportAccessUntil} as="absolute" /> : t("support.withdraw")}
          </p>
          <div>
            <Button isPending={form.isBusy} onPress={() => void form.submit({ tenantId, allowed: false })}>
              {t("support.end")}
            </Button>
          </div>
        </>
      )}
      {tenant?.supportAccess === false && (
        <Form onSubmit={(sent) => void form.submit({ tenantId, allowed: true, until: endOf(sent, "until") })}>
          <EndSelect name="until" label={t("support.howLong")} hours={[1, 8, 24, 168, 720]} never={t("support.withdraw")} defaultHours={24} />
          <FormActions>
            <Button type="submit" isPending={form.isBusy}>
              {t("support.allow")}
            </Button>
          </FormActions>
        </Form>
      )}
    </Card>
  );
}
