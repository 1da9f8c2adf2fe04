import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/ui";
import { ObjectName } from "./ObjectName";
import styles from "./PickedObjects.module.css";

/** What was chosen, each by its name, with a way to leave it out again. */
export function PickedObjects({ ids, onChange }: { ids: readonly string[]; onChange: (ids: readonly string[]) => void }) {
  const { t } = useTranslation("tenants");
  if (ids.length === 0) return null;
  return (
    <ul className={styles.picked}>
      {ids.map((id) => (
        <li key={id}>
          <ObjectName id={id} />
          <IconButton label={t("leaveOut")} size="small" onPress={() => onChange(ids.filter((each) => each !== id))}>
            <X size={14} aria-hidden />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}
