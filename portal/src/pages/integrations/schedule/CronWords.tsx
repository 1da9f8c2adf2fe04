import { useLanguage } from "@/i18n";
import { wordsOf } from "./cron";

/** A cron expression in words; as it is where it can't be said. */
export default function CronWords({ cron }: { cron: string }) {
  const language = useLanguage();
  return <>{wordsOf(cron, language) ?? cron}</>;
}
