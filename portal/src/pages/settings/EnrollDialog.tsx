import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Code, Dialog, Form, FormActions, FormBanner, TextField, textOf } from "@/ui";
import styles from "./EnrollDialog.module.css";
import { RecoveryCodes } from "./RecoveryCodes";

const ENROLL = graphql(`
  mutation EnrollSecondFactor($input: EnrollSecondFactorInput!) {
    enrollSecondFactor(input: $input) {
      secret
      otpauthUrl
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const CONFIRM = graphql(`
  mutation ConfirmSecondFactor($input: ConfirmSecondFactorInput!) {
    confirmSecondFactor(input: $input) {
      recoveryCodes
      viewer {
        secondFactor
        secondFactorRequired
        permissions
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface Secret {
  text: string;
  url: string;
}

/** Sets up a second factor: the password, the picture that the app reads, a code of it, and what stands in for the app. */
export function EnrollDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["settings", "common"]);
  const [secret, setSecret] = useState<Secret | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const enroll = useMutationForm(ENROLL, {
    payload: (data) => data.enrollSecondFactor,
    fields: ["password"],
    onDone: ({ secret: text, otpauthUrl: url }) => text && url && setSecret({ text, url }),
  });
  const confirm = useMutationForm(CONFIRM, {
    payload: (data) => data.confirmSecondFactor,
    fields: ["code"],
    onDone: ({ recoveryCodes }) => setCodes(recoveryCodes ?? []),
  });
  return (
    <Dialog title={codes ? t("factor.codesTitle") : t("factor.setUpTitle")} isOpen onClose={onClose} isAlert={secret !== null}>
      {codes ? (
        <RecoveryCodes codes={codes} onClose={onClose} />
      ) : secret ? (
        <Form errors={confirm.fieldErrors} onSubmit={(data) => void confirm.submit({ code: textOf(data, "code") })}>
          <p>{t("factor.scan")}</p>
          <div className={styles.picture}>
            <QRCodeSVG value={secret.url} size={184} title={t("factor.picture")} marginSize={4} />
          </div>
          <p>{t("factor.type")}</p>
          <Code isBlock label={t("factor.secret")}>
            {secret.text}
          </Code>
          <FormBanner form={confirm} />
          <TextField
            key="code"
            name="code"
            label={t("factor.code")}
            description={t("factor.codeHelp")}
            inputMode="numeric"
            autoComplete="one-time-code"
            isRequired
            isCode
          />
          <FormActions>
            <Button onPress={onClose}>{t("common:cancel")}</Button>
            <Button type="submit" kind="primary" isPending={confirm.isBusy}>
              {t("factor.confirm")}
            </Button>
          </FormActions>
        </Form>
      ) : (
        <Form errors={enroll.fieldErrors} onSubmit={(data) => void enroll.submit({ password: textOf(data, "password") })}>
          <p>{t("factor.begin")}</p>
          <FormBanner form={enroll} />
          <TextField key="password" name="password" type="password" label={t("factor.password")} autoComplete="current-password" isRequired />
          <FormActions>
            <Button onPress={onClose}>{t("common:cancel")}</Button>
            <Button type="submit" kind="primary" isPending={enroll.isBusy}>
              {t("factor.next")}
            </Button>
          </FormActions>
        </Form>
      )}
    </Dialog>
  );
}
