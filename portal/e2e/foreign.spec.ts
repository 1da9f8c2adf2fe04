import { expect, signIn, test } from "./fixtures";
import { scene } from "./scene";

const { integration, run, failure, group, source } = scene.shop;
const unknown = "failure_00000000000070008000000000000000";

for (const [what, address] of [
  ["another tenant's integration", `/integrations/${integration}`],
  ["another tenant's run", `/runs/${run}`],
  ["another tenant's failure", `/failures/${failure}`],
  ["another tenant's group", `/groups/${group}`],
  ["another tenant's system", `/systems/${source}`],
  ["what a notice to another tenant is about", `/open/${failure}`],
  ["a failure that nobody has", `/failures/${unknown}`],
  ["an address that nothing is at", "/nowhere"],
] as const) {
  test(`${what} is not found`, async ({ page }) => {
    await signIn(page, scene.people.TENANT_ADMIN);
    await page.goto(address);
    await expect(page.getByRole("heading", { level: 1, name: "Not found" })).toBeVisible();
    await expect(page.getByText("There is nothing at this address")).toBeVisible();
    await expect(page.getByText(scene.shop.orders[0] ?? "")).toHaveCount(0);
  });
}

test("the link of a notice leads to what it is about", async ({ page }) => {
  await signIn(page, scene.people.TENANT_ADMIN);
  await page.goto(`/open/${scene.own.failure}`);
  await expect(page).toHaveURL(`/failures/${scene.own.failure}`);
  await expect(page.getByRole("heading", { level: 1, name: "Not found" })).toHaveCount(0);
});
