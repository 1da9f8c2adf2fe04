import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { renderPage } from "@/test/render";
import { SuggestedActions, type SuggestedAction } from ".";

const action = (changes: Partial<SuggestedAction>): SuggestedAction => ({
  kind: "RETRY",
  label: "Try again",
  explanation: "The cause may be gone.",
  mutation: "retryFailures",
  input: { failureIds: ["fai_1"] },
  missingInput: [],
  isAvailable: true,
  unavailableReason: null,
  until: null,
  ...changes,
});

const failure = { kind: "failure", id: "fai_1", integrationId: "int_1", businessReference: "PO-1", failedAt: "2026-11-27T10:00:00Z" } as const;

const plan = {
  total: 2,
  notRetryable: 0,
  alreadyWritten: 0,
  wouldCreate: 1,
  wouldUpdate: 0,
  wouldOverwriteNewer: 0,
  wouldBeRemoved: 0,
  wouldBeLeftOut: 0,
  cannotSucceed: 1,
  unknown: 0,
  unpredicted: 0,
  failures: [
    { failureId: "fai_1", businessReference: "PO-1", prediction: "WOULD_CREATE", reason: "never written" },
    { failureId: "fai_2", businessReference: "PO-2", prediction: "CANNOT_SUCCEED", reason: "a field is missing" },
  ],
};

test("a retry of a group shows what it would do, and leaves out what would fail again", async () => {
  const started = vi.fn();
  const { asked } = renderPage(
    <SuggestedActions actions={[action({})]} subject={{ kind: "group", id: "grp_1", isOnly: false }} onRetryStarted={started} />,
    { answers: { RetryPlan: { retryPlan: plan }, RetryFailures: { retryFailures: { retry: { id: "ret_1", total: 1 }, userErrors: [] } } } },
  );
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  await userEvent.click(await screen.findByRole("button", { name: "Retry 1 failure" }));
  expect(started).toHaveBeenCalledWith("ret_1");
  expect(asked.at(-1)?.variables).toMatchObject({ input: { filter: { groupId: "grp_1", status: ["OPEN"] }, only: ["WOULD_CREATE"] } });
});

test("a step that is not for the viewer can't be pressed, and says why", async () => {
  renderPage(<SuggestedActions actions={[action({ input: null, isAvailable: false, unavailableReason: "An administrator can do it." })]} subject={failure} />);
  expect((await screen.findByRole("button", { name: "Try again" })).hasAttribute("disabled")).toBe(true);
  expect(screen.getByText("An administrator can do it.")).toBeTruthy();
});

test("skipping asks staff for a reason and sends it", async () => {
  const { asked } = renderPage(
    <SuggestedActions actions={[action({ kind: "SKIP", label: "Leave it out", mutation: "skipFailures", missingInput: ["reason"] })]} subject={failure} />,
    { answers: { SkipFailures: { skipFailures: { skipped: 1, userErrors: [] } } } },
  );
  await userEvent.click(await screen.findByRole("button", { name: "Leave it out" }));
  await userEvent.type(await screen.findByLabelText("Why"), "A test order");
  await userEvent.click(screen.getByRole("button", { name: "Skip 1 record" }));
  expect(asked.at(-1)?.variables).toEqual({ input: { failureIds: ["fai_1"], reason: "A test order" } });
});

test("what is done elsewhere is advice and no button", async () => {
  renderPage(
    <SuggestedActions actions={[action({ kind: "CORRECT_AT_SOURCE", label: "Correct it at the source", mutation: null, input: null })]} subject={failure} />,
  );
  expect(await screen.findByText("Correct it at the source")).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
});

test("what needs another page leads there", async () => {
  renderPage(
    <SuggestedActions
      actions={[action({ kind: "EDIT_AND_RETRY", label: "Edit", mutation: "editAndRetryFailure", input: { failureId: "fai_1" }, missingInput: ["record"] })]}
      subject={failure}
    />,
  );
  expect((await screen.findByRole("link", { name: "Edit" })).getAttribute("href")).toBe("/failures/fai_1?edit=yes");
});
