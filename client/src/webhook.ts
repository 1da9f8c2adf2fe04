/** Notices as a webhook gets them: whether one is from Trestle, and what is in it. */

import { Webhook } from "standardwebhooks";

import { TrestleError } from "./errors.js";

/** A request that is not from Trestle, is too old, or was changed on its way. Answer it with 400, and do nothing. */
export class WebhookRefused extends TrestleError {
  override readonly name = "WebhookRefused";
}

/** Something that happened, or is over. */
export interface Occasion {
  readonly at: string;
  readonly tenant: { readonly id: string; readonly name: string } | null;
  readonly integration: { readonly id: string; readonly name: string } | null;
  readonly system: { readonly id: string; readonly name: string } | null;
  readonly runId: string | null;
  readonly groupId: string | null;
  readonly failureId: string | null;
  readonly incidentId: string | null;
  /** Code of the error catalogue: `source.not_found`. */
  readonly code: string | null;
  /** How many records. */
  readonly count: number | null;
  /** Some of the records, in the business's own terms. */
  readonly businessReferences: readonly string[];
  readonly title: string;
  readonly summary: string;
  /** `you`, `us`, `the maker of the other system`; in the operator's notices `the customer`, `support`, `engineering`. */
  readonly actsNext: string | null;
  /** What to do. */
  readonly action: string | null;
  /** Whether it is over. */
  readonly recovered: boolean;
  /** The page about it. */
  readonly link: string | null;
}

/** What a notice can be of. */
export type OccasionType =
  | "run.failed"
  | "run.partially_failed"
  | "run.recovered"
  | "integration.held"
  | "integration.resumed"
  | "integration.delayed"
  | "integration.volume_deviated"
  | "system.reauth_required"
  | "system.reauthorized"
  | "failure_group.opened"
  | "failure_group.regressed"
  | "failure_group.grown"
  | "failure_group.resolved"
  | "failure_group.escalated"
  | "failure_records.expiring"
  | "health.degraded"
  | "health.restored"
  | "synthetic_check.failed"
  | "synthetic_check.passed"
  | "sla.nearly_breached"
  | "sla.breached"
  | "incident.opened"
  | "incident.updated"
  | "incident.resolved"
  | "notice_channel.disabled";

/** A notice. It comes at least once, each time with the same `data.noticeId`: leave out what you know. */
export type NoticeEvent =
  | {
      readonly type: OccasionType;
      readonly timestamp: string;
      readonly data: Occasion & { readonly noticeId: string };
    }
  | {
      readonly type: "notice.digested";
      readonly timestamp: string;
      readonly data: {
        readonly noticeId: string;
        readonly count: number;
        readonly items: readonly (Occasion & { readonly type: OccasionType | null })[];
        /** How many are not in `items`. */
        readonly moreCount: number;
      };
    }
  | {
      readonly type: "notice.tested";
      readonly timestamp: string;
      readonly data: { readonly noticeId: string; readonly summary: string };
    };

/** Headers as `fetch` has them, or Node.js. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Verifies a request by Standard Webhooks, and gives what is in it. `body` is the body as it came, byte for byte;
 * several secrets are tried in turn, as while one is changed.
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string | readonly string[],
): NoticeEvent {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const plain = plainOf(headers);
  let refusal: unknown;
  for (const one of typeof secret === "string" ? [secret] : secret) {
    const webhook = new Webhook(one);
    try {
      return webhook.verify(text, plain) as NoticeEvent;
    } catch (error) {
      refusal = error;
    }
  }
  const message = refusal instanceof Error ? refusal.message : "No secret was given";
  throw new WebhookRefused(message, { code: "WEBHOOK_REFUSED", cause: refusal });
}

function plainOf(headers: WebhookHeaders): Record<string, string> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(
    entries.flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(",")]],
    ),
  );
}
