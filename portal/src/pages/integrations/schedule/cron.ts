import { Cron } from "croner";
import cronstrue from "cronstrue";
import "cronstrue/locales/de";

/** Five fields of what the server's short names stand for. */
const nicknames: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

/** "At 09:00 AM, only on Monday"; null where it is no expression. */
export function wordsOf(cron: string, language: string): string | null {
  try {
    return cronstrue.toString(nicknames[cron.trim().toLowerCase()] ?? cron, {
      locale: language.startsWith("de") ? "de" : "en",
      use24HourTimeFormat: !/^en(-US)?$/.test(language),
      throwExceptionOnParseError: true,
    });
  } catch {
    return null;
  }
}

/** The next times; empty where it is no expression or no time zone. */
export function nextRuns(cron: string, timeZone: string, count: number, from = new Date()): Date[] {
  const text = cron.trim();
  if (text !== "" && !text.startsWith("@") && text.split(/\s+/).length !== 5) return [];
  try {
    return new Cron(text, { timezone: timeZone, mode: "5-part", paused: true }).nextRuns(count, from);
  } catch {
    return [];
  }
}
