import { useTranslation } from "react-i18next";
import { Button, Section } from "@/ui";
import styles from "./DemoPeople.module.css";
import { type DemoPerson, usePortalSettings } from "./usePortalSettings";

/** In a demo: its people, each a button. */
export function DemoPeople({ onChoose }: { onChoose: (person: DemoPerson) => void }) {
  const { t } = useTranslation("sign-in");
  const people = usePortalSettings()?.demoSignIns ?? [];
  if (people.length === 0) return null;
  return (
    <Section title={t("demo.title")}>
      <div className={styles.people}>
        {people.map((person) => (
          <Button key={person.email} onPress={() => onChoose(person)}>
            {t("demo.as", { title: person.title })}
          </Button>
        ))}
      </div>
    </Section>
  );
}
