import type { Impact } from "@/api/generated/schema";

/** From the most that depends on it. */
export const impacts: readonly Impact[] = ["CRITICAL", "HIGH", "MEDIUM", "LOW"];

export function impactOf(text: string | null): Impact | undefined {
  return impacts.find((each) => each === text);
}
