import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import { SlaClockView } from "./SlaClockView";

const clock = {
  kind: "RESPONSE" as const,
  dueAt: null,
  pausedBecause: null,
  spentSeconds: 1_800,
  targetSeconds: 3_600,
  warnedAt: null,
  outcome: null,
  endedAt: null,
};

test("a clock that stands still says why, and how much is used", async () => {
  renderPage(<SlaClockView clock={{ ...clock, pausedBecause: "WAITING_ON_CUSTOMER" }} />);
  expect(await screen.findByText("Waits for the customer")).toBeTruthy();
  expect(screen.getByRole("img", { name: "50% of the time is used" })).toBeTruthy();
});

test("one that runs goes on by itself, past its end too", async () => {
  const dueAt = new Date(Date.now() - 60_000).toISOString();
  renderPage(<SlaClockView clock={{ ...clock, dueAt }} />);
  expect(await screen.findByText("Time is up")).toBeTruthy();
  expect(screen.getByRole("img", { name: "102% of the time is used" })).toBeTruthy();
});

test("a tenant reads what is promised, and not how much is used", async () => {
  renderPage(<SlaClockView clock={{ ...clock, spentSeconds: null, targetSeconds: null, outcome: "MET" }} />);
  expect(await screen.findByText("Kept")).toBeTruthy();
  expect(screen.queryByRole("img")).toBeNull();
});
