import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import { EngageDialog } from "./EngageDialog";
import KillSwitches from "./KillSwitches";

test("a tenant's administrator stops their own only, and says why in both words", async () => {
  const { asked } = renderPage(<EngageDialog onClose={() => undefined} />, {
    permissions: ["kill_switches:manage"],
    answers: {
      IntegrationsOfField: { integrations: { edges: [] } },
      EngageKillSwitch: { engageKillSwitch: { killSwitch: { id: "kill_switch_1" }, userErrors: [] } },
    },
  });
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).queryByRole("radio", { name: "Everything" })).toBeNull();
  await userEvent.click(within(dialog).getByRole("radio", { name: "A tenant" }));
  await userEvent.type(within(dialog).getByLabelText("Why, for your colleagues"), "wrong prices");
  await userEvent.type(within(dialog).getByLabelText("What customers read"), "We are looking into prices.");
  await userEvent.click(within(dialog).getByRole("button", { name: "Stop it now" }));
  expect(asked.at(-1)?.variables).toMatchObject({
    input: { scope: "TENANT", tenantId: "ten_1", integrationId: null, reason: "wrong prices", onRelease: "RUN_ALL", expiresAt: null },
  });
});

test("who may not is told that there is no such page", async () => {
  renderPage(<KillSwitches />);
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});
