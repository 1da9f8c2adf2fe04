import { useTranslation } from "react-i18next";
import { Button, useAddress } from "@/ui";
import type { Span } from "./span";
import styles from "./SpanChoice.module.css";

const spans: readonly Span[] = ["day", "week"];

/** Over which time the numbers and pictures are; it stands in the address. Buttons, since the first view has no room for a list. */
export function SpanChoice({ span }: { span: Span }) {
  const { t } = useTranslation("home");
  const [, setAddress] = useAddress();
  return (
    <div role="group" aria-label={t("span.label")} className={styles.choice}>
      {spans.map((id) => (
        <Button
          key={id}
          size="small"
          kind={id === span ? "secondary" : "quiet"}
          aria-pressed={id === span}
          onPress={() => setAddress({ span: id === "week" ? "week" : null })}
        >
          {t(`span.${id}`)}
        </Button>
      ))}
    </div>
  );
}
