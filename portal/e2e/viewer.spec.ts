import { Api, expect, open, signIn, test } from "./fixtures";
import { scene } from "./scene";

const { own } = scene;

/** Words of whatever changes something. What filters, sorts, copies and shows is for everybody. */
const acts =
  /^(retry|skip|edit|run|start|pause|resume|cancel|archive|delete|remove|new|add|create|connect|reconnect|save|invite|test|hand over|acknowledge|snooze|ignore|upload|drop|reveal|export)\b/i;

const read = [
  "/",
  "/inbox",
  "/integrations",
  `/integrations/${own.integration}`,
  ...["runs", "failures", "mapping", "schedule", "reconciliation", "backfills", "quarantines", "settings"].map(
    (tab) => `/integrations/${own.integration}?tab=${tab}`,
  ),
  `/runs/${own.run}`,
  "/failures",
  `/failures/${own.failure}`,
  `/failures/${own.failure}?edit=yes`,
  `/groups/${own.group}`,
  "/systems",
  `/systems/${own.source}`,
  `/incidents/${scene.incident}`,
  "/people",
  "/contacts",
];

for (const [part, addresses] of [read.slice(0, 11), read.slice(11)].entries()) {
  test(`a viewer reads the pages and has no button that changes anything, part ${String(part + 1)}`, async ({ page }) => {
    await signIn(page, scene.people.TENANT_VIEWER);
    const main = page.getByRole("main");
    for (const address of addresses) {
      await open(page, address);
      await expect(main.getByRole("heading", { name: "Not found" }), address).toHaveCount(0);
      await expect.soft(main.getByRole("button", { name: acts, disabled: false }), address).toHaveCount(0);
      await expect.soft(main.getByRole("link", { name: acts }), address).toHaveCount(0);
    }
  });
}

test("a viewer who goes to what is for others finds nothing there", async ({ page }) => {
  await signIn(page, scene.people.TENANT_VIEWER);
  const main = page.getByRole("main");
  for (const address of ["/keys", "/audit", "/notices", "/exports-list", "/systems/new", "/integrations/new", "/tenants", "/logs", "/words", "/kill-switches", "/operations"]) {
    await open(page, address);
    await expect.soft(main.getByText(/Not found|You may not do this/).first(), address).toBeVisible();
    await expect.soft(main.getByRole("table"), address).toHaveCount(0);
  }
});

test("whatever a viewer's page would send, the API refuses", async ({ request }) => {
  const viewer = await Api.of(request, scene.people.TENANT_VIEWER);
  const inputs: Record<string, object> = {
    retryFailures: { failureIds: [own.failure] },
    skipFailures: { failureIds: [own.failure], reason: "Not mine." },
    editAndRetryFailure: { failureId: own.failure, record: { id: "SBX-000004" } },
    startRun: { integrationId: own.integration },
    retryRun: { runId: own.run, scope: "FAILED_RECORDS" },
    pauseIntegration: { integrationId: own.integration },
    updateIntegration: { integrationId: own.integration, name: "Mine" },
    testSystem: { systemId: own.source },
    handOverFailureGroup: { groupId: own.group, to: "SUPPORT", note: "Not mine." },
  };
  for (const [name, input] of Object.entries(inputs)) {
    const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
    const { errors } = await viewer.ask(`mutation($input: ${type}!) { ${name}(input: $input) { userErrors { code } } }`, { input });
    expect(errors?.map(({ extensions }) => extensions.code), name).toEqual(["FORBIDDEN"]);
  }
  const { data } = await viewer.ask<{ failure: { status: string; attempts: number } }>(
    "query($id: ID!) { failure(id: $id) { status attempts } }",
    { id: own.failure },
  );
  expect(data.failure).toEqual({ status: "OPEN", attempts: 1 });
});
