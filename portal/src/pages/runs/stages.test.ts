import { expect, test } from "vitest";
import type { RunStateOf } from "./runRow";
import { stagesOf, type StageEvent, type StageWords } from "./stages";

const words: StageWords = {
  waiting: "waiting",
  running: "running",
  attempt: (number) => `attempt ${number}`,
  waitingAgain: "waiting again",
  stream: (name) => `stream ${name}`,
  pages: (pages, records) => `${pages} pages, ${records} records`,
};

const counts = { read: 0, created: 0, updated: 0, unchanged: 0, skipped: 0, failed: 0, deleted: 0, unaccounted: 0 };
const at = (second: number) => new Date(Date.UTC(2026, 10, 27, 9, 0, second)).toISOString();
const run = (changes: Partial<RunStateOf>): RunStateOf => ({
  id: "run_1",
  status: "SUCCEEDED",
  queuedAt: at(0),
  startedAt: at(2),
  finishedAt: at(30),
  durationMs: 28_000,
  nextAttemptAt: null,
  wait: null,
  counts,
  ...changes,
});
const event = (second: number, type: string, attributes: unknown = {}): StageEvent => ({ at: at(second), type, message: type, attributes });

test("a run that waits has one stage, which is open", () => {
  const waiting = run({ status: "QUEUED", startedAt: null, finishedAt: null, wait: { reason: "PAUSED", message: "It is paused." } });
  expect(stagesOf(waiting, [], words)).toEqual([
    { id: "waiting", name: "waiting", from: at(0), to: null, tone: "neutral", note: "It is paused." },
  ]);
});

test("a run that goes through waits and runs", () => {
  const stages = stagesOf(run({}), [event(0, "run.queued"), event(2, "run.started"), event(30, "run.finished")], words);
  expect(stages.map(({ name, from, to, tone }) => [name, from, to, tone])).toEqual([
    ["waiting", at(0), at(2), "neutral"],
    ["running", at(2), at(30), "success"],
  ]);
});

test("between two attempts there is a wait, with why", () => {
  const events = [event(2, "run.started"), event(5, "retry.scheduled"), event(15, "run.resumed"), event(30, "run.finished")];
  const stages = stagesOf(run({ status: "PARTIAL" }), events, words);
  expect(stages.map(({ name, from, to, note }) => [name, from, to, note])).toEqual([
    ["waiting", at(0), at(2), undefined],
    ["attempt 1", at(2), at(5), undefined],
    ["waiting again", at(5), at(15), "retry.scheduled"],
    ["attempt 2", at(15), at(30), undefined],
  ]);
});

test("who reads events of pages sees each stream from its first read to its last write", () => {
  const events = [
    event(2, "run.started"),
    event(5, "source.page_read", { stream: "orders", records: 100, durationMs: 1_000 }),
    event(7, "batch.written", { stream: "orders" }),
    event(9, "source.page_read", { stream: "orders", records: 40, durationMs: 500 }),
    event(10, "record.rejected", { stream: "orders" }),
    event(12, "batch.written", { stream: "orders" }),
  ];
  expect(stagesOf(run({}), events, words).at(-1)).toEqual({
    id: "stream-orders",
    name: "stream orders",
    from: at(4),
    to: at(12),
    tone: "warning",
    note: "2 pages, 140 records",
  });
});
