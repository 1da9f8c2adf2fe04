import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMutationForm } from "@/api";
import { Button, Card, ConfirmDialog, Link, toast } from "@/ui";
import { DELETE_SYSTEM } from "./systemMutations";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";
import { useUses } from "./useUses";

/** Deletes a system that nothing uses; says what uses it, where something does. */
export function DeleteCard({ system }: { system: SystemOfPage }) {
  const { t } = useTranslation("systems");
  const navigate = useNavigate();
  const [isAsking, setIsAsking] = useState(false);
  const uses = useUses(system.tenant.id).of(system.id);
  const form = useMutationForm(DELETE_SYSTEM, {
    payload: (data) => data.deleteSystem,
    onDone: () => {
      toast(t("delete.done", { name: system.name }), "success");
      void navigate("/systems", { replace: true });
    },
  });
  return (
    <Card title={t("delete.title")} description={t(uses.length > 0 ? "delete.used" : "delete.lead")}>
      {uses.length > 0 && (
        <ul className={styles.list}>
          {uses.map(({ id, name, status }) => (
            <li key={id}>
              <Link to={`/integrations/${id}`}>{name}</Link> {status === "ARCHIVED" && <span className={styles.note}>{t("delete.archived")}</span>}
            </li>
          ))}
        </ul>
      )}
      <div className={styles.row}>
        <Button kind="danger" icon={<Trash2 size={16} aria-hidden />} isDisabled={uses.length > 0} onPress={() => setIsAsking(true)}>
          {t("delete.action")}
        </Button>
      </div>
      <ConfirmDialog
        title={t("delete.ask", { name: system.name })}
        isOpen={isAsking}
        onClose={() => {
          setIsAsking(false);
          form.reset();
        }}
        action={t("delete.action")}
        isDanger
        form={form}
        onConfirm={() => void form.submit({ systemId: system.id })}
      >
        {t("delete.help")}
      </ConfirmDialog>
    </Card>
  );
}
