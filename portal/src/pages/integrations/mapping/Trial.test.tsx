import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { renderPage } from "@/test/render";
import { Trial } from "./Trial";

// What CodeMirror needs of a browser, jsdom has not.
vi.mock("./CodeEditor", () => ({
  default: ({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) => (
    <textarea aria-label={label} defaultValue={value} onChange={(event) => onChange(event.target.value)} />
  ),
}));

const nothing = { outcome: "REFUSED", record: null, businessReference: null, code: null, summary: null, detail: null, fieldErrors: [] };
const trial = (onCompiled = vi.fn()) => <Trial integrationId="int_1" stream="orders" program=".total = 1" onCompiled={onCompiled} />;

test("the source's first records are tried, and each says what would become of it", async () => {
  const user = userEvent.setup();
  const { asked } = renderPage(trial(), {
    permissions: ["records:read"],
    answers: {
      SampleRecords: { sampleRecords: { records: [{ id: "1" }, { id: "2" }], malformed: ["line 2: a quoted field is not closed"], userErrors: [] } },
      PreviewMapping: {
        previewMapping: {
          records: [
            { ...nothing, outcome: "READY", record: { id: "1", total: 1 }, businessReference: "1" },
            { ...nothing, summary: "2 breaks a rule: total must be at least 2.", businessReference: "2", code: "record.schema_violation" },
          ],
          userErrors: [],
        },
      },
    },
  });
  await user.click(await screen.findByRole("button", { name: "Take the source's first records" }));
  expect(await screen.findByText("line 2: a quoted field is not closed")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Try the mapping" }));
  expect(await screen.findByText("Would be written")).toBeTruthy();
  expect(screen.getByText("2 breaks a rule: total must be at least 2.")).toBeTruthy();
  const { variables } = asked.find(({ name }) => name === "PreviewMapping") ?? {};
  expect(variables).toEqual({ input: { integrationId: "int_1", stream: "orders", mapping: ".total = 1", records: [{ id: "1" }, { id: "2" }] } });
});

test("what the compiler says goes to the program, and what is no JSON is not sent", async () => {
  const user = userEvent.setup();
  const onCompiled = vi.fn();
  const wrong = "line 1, column 1: no such function";
  const { asked } = renderPage(trial(onCompiled), {
    answers: { PreviewMapping: { previewMapping: { records: null, userErrors: [{ code: "INVALID", field: ["mapping"], message: wrong }] } } },
  });
  const records = await screen.findByLabelText("Sample records");
  expect(screen.queryByRole("button", { name: "Take the source's first records" })).toBeNull();
  await user.type(records, "no json");
  await user.click(screen.getByRole("button", { name: "Try the mapping" }));
  expect(await screen.findByText("That is not JSON")).toBeTruthy();
  expect(asked).toEqual([]);
  await user.clear(records);
  await user.type(records, "{{}");
  await user.click(screen.getByRole("button", { name: "Try the mapping" }));
  expect(onCompiled).toHaveBeenCalledWith(".total = 1", wrong);
});
