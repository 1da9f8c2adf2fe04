import type { CreateNoticePolicyInput, FailureCategory, Impact, NoticeTiming, OccasionKind, ResponsibleParty } from "@/api/generated/schema";
import type { Policy } from "./policyFields";

/** A policy while it is written. */
export interface PolicyDraft {
  name: string;
  isEnabled: boolean;
  channelIds: readonly string[];
  kinds: readonly OccasionKind[];
  tenantIds: readonly string[];
  integrationIds: readonly string[];
  codes: string;
  categories: readonly FailureCategory[];
  responsibleParties: readonly ResponsibleParty[];
  countMin: number;
  impactMin: Impact | null;
  delivery: NoticeTiming;
  digestHour: number;
  timeZone: string;
  isQuiet: boolean;
  quietFrom: string;
  quietUntil: string;
  quietOverride: readonly OccasionKind[];
  hourlyMax: number;
}

const HOURLY_MAX = 20;
/** What the API says for null. */
const HOURLY_MAX_OF_ALL = 1_000;
const DIGEST_HOUR = 8;

export function draftOf(policy: Policy | null): PolicyDraft {
  return {
    name: policy?.name ?? "",
    isEnabled: policy?.isEnabled ?? true,
    channelIds: policy?.channelIds ?? [],
    kinds: policy?.selectors.kinds ?? [],
    tenantIds: policy?.selectors.tenantIds ?? [],
    integrationIds: policy?.selectors.integrationIds ?? [],
    codes: policy?.selectors.codes.join("\n") ?? "",
    categories: policy?.selectors.categories ?? [],
    responsibleParties: policy?.selectors.responsibleParties ?? [],
    countMin: policy?.selectors.countMin ?? 0,
    impactMin: policy?.selectors.impactMin ?? null,
    delivery: policy?.delivery ?? "INSTANT",
    digestHour: policy?.digestHour ?? (policy?.delivery === "DAILY" ? 0 : DIGEST_HOUR),
    timeZone: policy?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    isQuiet: policy?.quietHours != null,
    quietFrom: policy?.quietHours?.from ?? "20:00",
    quietUntil: policy?.quietHours?.until ?? "07:00",
    quietOverride: policy?.quietOverride ?? [],
    hourlyMax: policy ? (policy.hourlyMax ?? HOURLY_MAX_OF_ALL) : HOURLY_MAX,
  };
}

/** What is sent, the same for a new policy and for one that changes: all of it. */
export function inputOf(draft: PolicyDraft): Omit<CreateNoticePolicyInput, "tenantId"> {
  return {
    name: draft.name,
    isEnabled: draft.isEnabled,
    channelIds: [...draft.channelIds],
    selectors: {
      kinds: [...draft.kinds],
      tenantIds: [...draft.tenantIds],
      integrationIds: [...draft.integrationIds],
      codes: draft.codes.split(/[\s,;]+/).filter(Boolean),
      categories: [...draft.categories],
      responsibleParties: [...draft.responsibleParties],
      countMin: draft.countMin,
      impactMin: draft.impactMin,
    },
    delivery: draft.delivery,
    digestHour: draft.delivery === "DAILY" ? draft.digestHour : null,
    timeZone: draft.timeZone,
    quietHours: draft.isQuiet ? { from: draft.quietFrom, until: draft.quietUntil } : null,
    quietOverride: [...draft.quietOverride],
    hourlyMax: draft.hourlyMax,
  };
}
