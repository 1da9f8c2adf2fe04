import { useTranslation } from "react-i18next";
import { Select, useAddress } from "@/ui";
import type { Span } from "./span";

const spans: readonly Span[] = ["day", "week"];

/** Over which time the numbers and pictures are; it stands in the address. */
export function SpanChoice({ span }: { span: Span }) {
  const { t } = useTranslation("home");
  const [, setAddress] = useAddress();
  return (
    <Select
      label={t("span.label")}
      hideLabel
      options={spans.map((id) => ({ id, label: t(`span.${id}`) }))}
      value={span}
      onChange={(key) => setAddress({ span: key === "week" ? "week" : null })}
    />
  );
}
