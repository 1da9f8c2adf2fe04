import { Bug, CircleAlert, Info, type LucideIcon, TriangleAlert, User, UserCog, Wrench } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { LogLevel } from "@/api/generated/schema";
import { useLanguage } from "@/i18n";
import { Badge, format, type Tone } from "@/ui";
import type { Layer, Line } from "./lines";
import styles from "./LineRow.module.css";

interface Look {
  tone: Tone;
  icon: LucideIcon;
}

const ofLayers: Record<Exclude<Layer, "LOG">, Look> = {
  CUSTOMER: { tone: "info", icon: User },
  SUPPORT: { tone: "info", icon: UserCog },
  ENGINEER: { tone: "neutral", icon: Wrench },
};

const ofLevels: Record<LogLevel, Look> = {
  DEBUG: { tone: "neutral", icon: Bug },
  INFO: { tone: "neutral", icon: Info },
  WARN: { tone: "warning", icon: TriangleAlert },
  ERROR: { tone: "danger", icon: CircleAlert },
};

/** One thing that happened or was logged. */
export function LineRow({ line }: { line: Line }) {
  const { t } = useTranslation("logs");
  const language = useLanguage();
  const { tone, icon: Icon } = line.layer === "LOG" ? ofLevels[line.level ?? "INFO"] : ofLayers[line.layer];
  const details = attributesOf(line.attributes);
  return (
    <li className={styles.line}>
      <time dateTime={line.at} title={format.dateTime(line.at, language)} className={styles.at}>
        {new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(new Date(line.at))}
      </time>
      <span>
        <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
          {line.layer === "LOG" ? t(`level.${line.level ?? "INFO"}`) : t(`layer.${line.layer}`)}
        </Badge>
      </span>
      <code className={styles.component}>{line.type ?? line.component}</code>
      <span className={styles.words}>
        {line.message}
        {details && <code className={styles.details}>{details}</code>}
      </span>
    </li>
  );
}

/** `name=value` of each field, as logs have it. */
function attributesOf(attributes: unknown): string {
  if (typeof attributes !== "object" || attributes === null) return "";
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("  ");
}
