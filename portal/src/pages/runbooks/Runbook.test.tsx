import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Runbook from "./Runbook";

const runbook = {
  id: "runbook_1",
  isBuiltIn: false,
  code: "destination.rejected",
  connector: null,
  integration: null,
  title: "Refused by the shop",
  body: "# Look\n\n<script>alert(1)</script>\n\nSee <b>bold</b> [bad](javascript:alert(1)) ![there](https://elsewhere.example/a.png)\n\n- [x] done",
  version: 3,
  reviewIntervalDays: 180,
  lastReviewedAt: null,
  lastReviewedBy: null,
  isReviewOverdue: true,
  updatedAt: "2026-11-27T10:00:00Z",
  updatedBy: "Eve",
};
const place = { at: "/runbooks/runbook_1", route: "/runbooks/:id" };
const versions = {
  runbookVersions: [{ version: 2, title: "Refused", body: "Before.", writtenAt: "2026-11-26T10:00:00Z", writtenBy: "Ann" }],
};

test("HTML in it is text, and nothing of it is loaded or run", async () => {
  const { container } = renderPage(<Runbook />, {
    ...place,
    permissions: ["runbooks:read"],
    answers: { Runbook: { runbook }, RunbookVersions: versions },
  });
  // Its parser is loaded when it is first used.
  expect(await screen.findByRole("heading", { level: 2, name: "Look" }, { timeout: 10_000 })).toBeTruthy();
  expect(screen.getByText(/<script>alert\(1\)<\/script>/)).toBeTruthy();
  expect(container.querySelector("script, b, img")).toBeNull();
  expect(screen.getByText(/\bbad\b/)).toBeTruthy();
  expect(container.querySelector("a[href^='javascript']")).toBeNull();
  expect(screen.getByRole("link", { name: "there" }).getAttribute("href")).toBe("https://elsewhere.example/a.png");
  expect(screen.getByText("A review is due")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Change" })).toBeNull();
  expect(await screen.findByText(/Version 2, Ann/)).toBeTruthy();
});

test("a review and a change name the version that was read", async () => {
  const { asked } = renderPage(<Runbook />, {
    ...place,
    permissions: ["runbooks:read", "runbooks:manage"],
    answers: {
      Runbook: { runbook },
      RunbookVersions: versions,
      ReviewRunbook: { reviewRunbook: { runbook: { ...runbook, isReviewOverdue: false }, userErrors: [] } },
      UpdateRunbook: { updateRunbook: { runbook: { ...runbook, version: 4 }, userErrors: [] } },
    },
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "It is right" }));
  expect(asked.find(({ name }) => name === "ReviewRunbook")?.variables).toEqual({ input: { runbookId: "runbook_1", version: 3 } });
  await user.click(screen.getByRole("button", { name: "Change" }));
  const text = await screen.findByRole("textbox", { name: "Text" });
  await user.clear(text);
  await user.type(text, "Look again.");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(asked.find(({ name }) => name === "UpdateRunbook")?.variables).toEqual({
    input: { runbookId: "runbook_1", version: 3, title: "Refused by the shop", body: "Look again.", reviewIntervalDays: 180 },
  });
});
