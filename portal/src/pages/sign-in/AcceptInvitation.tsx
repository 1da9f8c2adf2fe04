import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { graphql, open, useMutationForm } from "@/api";
import { useSession } from "@/app/session";
import "@/app/session/signedIn";
import { useTokenOfAddress } from "@/app/session/useTokenOfAddress";
import { Banner, Button, Form, FormBanner, TextField, textOf } from "@/ui";
import { SignInFrame } from "./SignInFrame";

const ACCEPT = graphql(`
  mutation AcceptInvitation($input: AcceptInvitationInput!) {
    acceptInvitation(input: $input) {
      ...SignedIn
    }
  }
`);

/** The first visit of who was invited. */
export default function AcceptInvitation() {
  const { t } = useTranslation("sign-in");
  const token = useTokenOfAddress();
  const session = useSession();
  const navigate = useNavigate();
  const form = useMutationForm(ACCEPT, {
    payload: (data) => data.acceptInvitation,
    fields: ["password", "name"],
    context: open,
    onDone: (answer) => {
      session.begin(answer);
      void navigate("/", { replace: true });
    },
  });
  if (token === null) {
    return (
      <SignInFrame title={t("invitation.title")}>
        <Banner tone="warning">{t("invitation.missing")}</Banner>
      </SignInFrame>
    );
  }
  return (
    <SignInFrame title={t("invitation.title")} lead={t("invitation.lead")}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({ token, password: textOf(data, "password"), name: textOf(data, "name").trim() || null })
        }
      >
        <FormBanner form={form} />
        <TextField name="name" label={t("invitation.name")} description={t("invitation.nameHelp")} autoComplete="name" maxLength={200} isOptional />
        <TextField
          name="password"
          type="password"
          label={t("password")}
          description={t("reset.rule")}
          autoComplete="new-password"
          minLength={10}
          maxLength={128}
          isRequired
        />
        <Button type="submit" kind="primary" isPending={form.isBusy}>
          {t("invitation.submit")}
        </Button>
      </Form>
    </SignInFrame>
  );
}
