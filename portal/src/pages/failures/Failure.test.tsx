import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Failure from "./Failure";

const failure = {
  id: "fai_1",
  status: "OPEN",
  stream: "purchase_orders",
  businessReference: "PO-10042",
  code: "record.schema_violation",
  category: "UNSUPPORTED_DATA",
  stage: "VALIDATE",
  impact: "HIGH",
  impactReason: null,
  responsibleParty: "CUSTOMER",
  summary: "The order has no currency.",
  suggestedAction: "Add it and retry.",
  valueAtStake: null,
  attempts: 1,
  failedAt: "2026-11-27T10:00:00Z",
  lastAttemptAt: "2026-11-27T10:00:00Z",
  nextAttemptAt: null,
  resolvedAt: null,
  httpStatus: null,
  technicalDetail: null,
  record: { id: "PO-10042", total: -5 },
  recordExpiresAt: null,
  recordRemovedAt: null,
  viewerCanRetry: true,
  viewerCanSkip: true,
  viewerCanEdit: true,
  fieldErrors: [{ path: "/total", rule: "minimum", message: "must be at least 0" }],
  actions: [],
  reveals: [],
  redactions: [],
  tenant: { id: "ten_1", name: "Acme Stores", supportAccess: false },
  integration: { id: "int_1", name: "ERP to shop" },
  run: { id: "run_1", queuedAt: "2026-11-27T09:59:00Z", status: "PARTIAL" },
  group: null,
  runbooks: null,
};

const streams = {
  integration: {
    id: "int_1",
    streams: [
      {
        name: "purchase_orders",
        mapping: null,
        recordSchema: { type: "object", properties: { id: { type: "string" }, total: { type: "number" } } },
        schema: null,
      },
    ],
  },
};

const at = (address: string) => ({ at: address, route: "/failures/:id" });

test("shows what is wrong at the record's field", async () => {
  renderPage(<Failure />, { ...at("/failures/fai_1"), answers: { FailureOfPage: { failure } } });
  expect(await screen.findByRole("heading", { level: 1, name: /PO-10042/ })).toBeTruthy();
  const row = screen.getByRole("row", { name: /total/ });
  expect(within(row).getByText("must be at least 0")).toBeTruthy();
});

test("an edited record that would fail again is told so at its field; one that holds is retried", async () => {
  let answers = 0;
  const { asked } = renderPage(<Failure />, {
    ...at("/failures/fai_1?edit=yes"),
    answers: {
      FailureOfPage: { failure },
      StreamsOfRecord: streams,
      RetryProgress: { retry: null },
      EditAndRetryFailure: () => {
        answers += 1;
        return answers === 1
          ? { editAndRetryFailure: { retry: null, userErrors: [{ code: "INVALID", field: ["record", "total"], message: "is too small" }] } }
          : { editAndRetryFailure: { retry: { id: "ret_1" }, userErrors: [] } };
      },
    },
  });
  const total = await screen.findByLabelText(/total/i, { selector: "input" }, { timeout: 30_000 });
  await userEvent.clear(total);
  await userEvent.type(total, "1");
  await userEvent.click(screen.getByRole("button", { name: "Save and retry" }));
  expect((await screen.findAllByText(/is too small/)).length).toBeGreaterThan(0);
  await userEvent.clear(total);
  await userEvent.type(total, "7");
  await userEvent.click(screen.getByRole("button", { name: "Save and retry" }));
  const sent = asked.filter(({ name }) => name === "EditAndRetryFailure").map(({ variables }) => (variables as { input: { record: unknown } }).input.record);
  expect(sent).toEqual([
    { id: "PO-10042", total: 1 },
    { id: "PO-10042", total: 7 },
  ]);
}, 60_000);

test("who may not see the record is told why", async () => {
  const hidden = { ...failure, record: null, viewerCanEdit: false, redactions: [{ field: "record", reason: "Viewers do not see records." }] };
  renderPage(<Failure />, { ...at("/failures/fai_1"), answers: { FailureOfPage: { failure: hidden } } });
  expect(await screen.findByText("Viewers do not see records.")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Edit and retry" })).toBeNull();
});

test("a failure that is not there, or another tenant's, is not found", async () => {
  renderPage(<Failure />, { ...at("/failures/fai_9"), answers: { FailureOfPage: { failure: null } } });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});
