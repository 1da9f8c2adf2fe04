import type { ScheduleInput } from "@/api/generated/schema";

/** What is offered, beside on demand and an expression of one's own. */
export const presets = ["*/15 * * * *", "0 * * * *", "0 6 * * *", "0 6 * * 1-5", "0 6 * * 1"] as const;

export interface ScheduleDraft {
  /** `demand`, `own`, or one of the presets. */
  when: string;
  /** Of `own`. */
  cron: string;
  timeZone: string;
}

export function cronOf({ when, cron }: ScheduleDraft): string {
  return when === "demand" ? "" : when === "own" ? cron.trim() : when;
}

export function scheduleOf(draft: ScheduleDraft): ScheduleInput | null {
  return draft.when === "demand" ? null : { cron: cronOf(draft), timeZone: draft.timeZone };
}
