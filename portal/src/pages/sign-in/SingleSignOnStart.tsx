import { Building2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { open, useMutationForm } from "@/api";
import { Button, FormBanner } from "@/ui";
import { keep, START } from "./singleSignOn";

/** Goes to the provider's page, which comes back to `/sign-in`. The provider is named by the link: `/sign-in?provider=…`. */
export function SingleSignOnStart({ providerId, next }: { providerId: string; next: string | null }) {
  const { t } = useTranslation("sign-in");
  const form = useMutationForm(START, {
    payload: (data) => data.startSingleSignOn,
    context: open,
    onDone: ({ authorizationUrl, secret }) => {
      if (!authorizationUrl || !secret) return;
      keep({ secret, next, providerId });
      window.location.assign(authorizationUrl);
    },
  });
  const start = () =>
    void form.submit({ identityProviderId: providerId, redirectUri: `${window.location.origin}/sign-in` });
  return (
    <>
      <FormBanner form={form} />
      <Button onPress={start} isPending={form.isBusy} icon={<Building2 size={16} aria-hidden />}>
        {t("sso.start")}
      </Button>
    </>
  );
}
