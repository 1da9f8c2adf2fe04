import type { TFunction } from "i18next";
import type { Schema } from "@/forms/schema";
import { isPaced } from "./credentials";

const NAME_CHARS_MAX = 100;
const REQUESTS_MAX = 600_000;
const BURST_MAX = 1_000;

type Translate = TFunction<"systems">;

/** A system's name and configuration as one form, whose fields have the paths of the input. */
export function systemSchema(connector: { name: string; configSchema: unknown }, t: Translate, withRate = false): Schema {
  return {
    type: "object",
    required: ["name", "config"],
    properties: {
      name: { type: "string", minLength: 1, maxLength: NAME_CHARS_MAX, title: t("field.name"), description: t("field.nameHelp") },
      config: connector.configSchema as Schema,
      ...(withRate && isPaced(connector.name) && { rateLimit: rateSchema(t) }),
    },
  };
}

function rateSchema(t: Translate): Schema {
  return {
    type: "object",
    title: t("rate.title"),
    description: t("rate.help"),
    required: ["requestsPerMinute"],
    properties: {
      requestsPerMinute: { type: "integer", minimum: 1, maximum: REQUESTS_MAX, title: t("rate.requests"), description: t("rate.requestsHelp") },
      burst: { type: "integer", minimum: 1, maximum: BURST_MAX, default: 1, title: t("rate.burst"), description: t("rate.burstHelp") },
    },
  };
}

/** The configuration has no box of its own around it. */
export const systemLook = { config: { "ui:label": false } };

export interface EnteredSystem {
  name: string;
  config: unknown;
  rateLimit?: { requestsPerMinute: number; burst?: number };
}
