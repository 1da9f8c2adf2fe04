import type { Stage } from "@/charts";
import type { RunStateOf } from "./runRow";

/** What is taken from an event. */
export interface StageEvent {
  at: string;
  type: string;
  message: string;
  attributes: unknown;
}

/** Names of what is no stream, in the reader's language. */
export interface StageWords {
  waiting: string;
  running: string;
  attempt: (number: number) => string;
  waitingAgain: string;
  stream: (name: string) => string;
  pages: (pages: number, records: number) => string;
}

/** Between two attempts; less is no wait that one would want to see. */
const WAIT_MS = 1_000;

/**
 * The stages of a run: how long it waited, its attempts and what was between them, and for those who read events of pages each
 * stream. What is under way has no end.
 */
export function stagesOf(run: RunStateOf, events: readonly StageEvent[], words: StageWords): Stage[] {
  const stages: Stage[] = [
    {
      id: "waiting",
      name: words.waiting,
      from: run.queuedAt,
      to: run.startedAt ?? run.finishedAt ?? null,
      tone: "neutral",
      ...(run.startedAt == null && run.wait ? { note: run.wait.message } : {}),
    },
  ];
  if (run.startedAt == null) return stages;
  stages.push(...attemptsOf(run, run.startedAt, events, words), ...streamsOf(run, events, words));
  return stages;
}

function attemptsOf(run: RunStateOf, startedAt: string, events: readonly StageEvent[], words: StageWords): Stage[] {
  const spans: { from: string; to: string | null; after?: StageEvent }[] = [{ from: startedAt, to: run.finishedAt ?? null }];
  for (const [at, event] of events.entries()) {
    const before = events[at - 1];
    const attempt = spans.at(-1);
    if (event.type !== "run.resumed" || !before || !attempt) continue;
    attempt.to = before.at;
    spans.push({ from: event.at, to: run.finishedAt ?? null, after: before });
  }
  // It waits for its next attempt now.
  const last = spans.at(-1);
  const waitsSince = run.finishedAt == null && run.wait ? events.at(-1) : undefined;
  if (last && waitsSince) last.to = waitsSince.at;

  const stages: Stage[] = [];
  for (const [at, { from, to, after }] of spans.entries()) {
    const gap = after && Date.parse(from) - Date.parse(after.at) > WAIT_MS ? after : undefined;
    if (gap) stages.push({ id: `wait-${at}`, name: words.waitingAgain, from: gap.at, to: from, tone: "neutral", note: gap.message });
    stages.push({
      id: `attempt-${at}`,
      name: spans.length > 1 ? words.attempt(at + 1) : words.running,
      from,
      to,
      tone: at < spans.length - 1 ? "warning" : toneOf(run),
    });
  }
  if (waitsSince && run.wait) {
    stages.push({ id: "wait-now", name: words.waitingAgain, from: waitsSince.at, to: null, tone: "neutral", note: run.wait.message });
  }
  return stages;
}

interface StreamSpan {
  from: number;
  to: number;
  pages: number;
  records: number;
  hasRejected: boolean;
}

function streamsOf(run: RunStateOf, events: readonly StageEvent[], words: StageWords): Stage[] {
  const streams = new Map<string, StreamSpan>();
  for (const { at, type, attributes } of events) {
    const { stream, records, durationMs } = attributes as { stream?: string; records?: number; durationMs?: number };
    if (stream === undefined) continue;
    const time = Date.parse(at);
    if (type === "source.page_read") {
      const from = time - (durationMs ?? 0);
      const span = streams.get(stream) ?? { from, to: time, pages: 0, records: 0, hasRejected: false };
      span.from = Math.min(span.from, from);
      span.pages += 1;
      span.records += records ?? 0;
      streams.set(stream, span);
    }
    const span = streams.get(stream);
    if (!span) continue;
    span.to = Math.max(span.to, time);
    if (type === "record.rejected") span.hasRejected = true;
  }
  const begun = Date.parse(run.startedAt ?? run.queuedAt);
  return [...streams].map(([stream, { from, to, pages, records, hasRejected }]) => ({
    id: `stream-${stream}`,
    name: words.stream(stream),
    from: new Date(Math.max(from, begun)).toISOString(),
    to: new Date(to).toISOString(),
    tone: hasRejected ? "warning" : "success",
    note: words.pages(pages, records),
  }));
}

function toneOf({ status }: RunStateOf): Stage["tone"] {
  if (status === "FAILED") return "danger";
  if (status === "PARTIAL") return "warning";
  if (status === "CANCELED") return "neutral";
  return status === "RUNNING" || status === "QUEUED" ? "info" : "success";
}
