import { Pencil } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./incidentDetail";
import { graphql, useMutationForm } from "@/api";
import { Button, Card, Dialog, Form, FormActions, FormBanner, TextArea, textOf, toast } from "@/ui";
import styles from "./Incident.module.css";
import type { IncidentDetail } from "./incidentDetail";
import { TEXT_CHARS_MAX } from "./options";

const SAY = graphql(`
  mutation SayOfIncident($input: UpdateIncidentInput!) {
    updateIncident(input: $input) {
      incident {
        ...IncidentDetail
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface PublicMessageProps {
  incident: IncidentDetail;
  isManager: boolean;
  mayWrite: boolean;
}

/** What those who are hit read. */
export function PublicMessage({ incident, isManager, mayWrite }: PublicMessageProps) {
  const { t } = useTranslation("incidents");
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Card
      title={isManager ? t("publicMessage.title") : t("publicMessage.titleForTenants")}
      actions={
        mayWrite && (
          <Button size="small" icon={<Pencil size={14} aria-hidden />} onPress={() => setIsOpen(true)}>
            {t("publicMessage.action")}
          </Button>
        )
      }
    >
      <p className={styles.words}>{incident.publicMessage}</p>
      {isOpen && <PublicMessageDialog incident={incident} onClose={() => setIsOpen(false)} />}
    </Card>
  );
}

function PublicMessageDialog({ incident, onClose }: { incident: IncidentDetail; onClose: () => void }) {
  const { t } = useTranslation("incidents");
  const form = useMutationForm(SAY, {
    payload: (data) => data.updateIncident,
    fields: ["publicMessage"],
    onDone: () => {
      toast(t("publicMessage.done"));
      onClose();
    },
  });
  return (
    <Dialog title={t("publicMessage.title")} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(input) =>
          void form.submit({ incidentId: incident.id, publicMessage: textOf(input, "publicMessage").trim() || null })
        }
      >
        <TextArea
          name="publicMessage"
          label={t("publicMessage.field")}
          description={t("publicMessage.help")}
          defaultValue={incident.publicMessage}
          rows={6}
          maxLength={TEXT_CHARS_MAX}
        />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("publicMessage.submit")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
