import { expect, open, signIn, test } from "./fixtures";
import { scene } from "./scene";

test("a run is followed to its end without a reload", async ({ page }) => {
  await signIn(page, scene.people.TENANT_MEMBER);
  await open(page, `/integrations/${scene.slow}`);
  await page.evaluate(() => Object.assign(window, { isTheSamePage: true }));
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("link", { name: /run/i }).first().click();
  await expect(page).toHaveURL(/\/runs\/run_/);

  const heading = page.getByRole("heading", { level: 1 });
  await expect(heading).toContainText("Running");
  // How many have been read, as often as the page says something else.
  const counts = new Set<string>();
  await expect(async () => {
    counts.add(await page.getByText(/^[\d,]+ read$/).innerText());
    expect(await heading.innerText()).toContain("Succeeded");
  }).toPass({ intervals: [200], timeout: 45_000 });
  expect(counts.size).toBeGreaterThan(2);
  await expect(page.getByText("25,000 read")).toBeVisible();
  expect(await page.evaluate(() => "isTheSamePage" in window)).toBe(true);
});

test("a run that somebody else starts appears by itself, and so does its end in the health of the integration", async ({ page }) => {
  const api = await signIn(page, scene.people.TENANT_MEMBER);
  await open(page, `/integrations/${scene.own.integration}?tab=runs`);
  const rows = page.getByRole("table").getByRole("row");
  const before = await rows.count();
  await api.ask("mutation($id: ID!) { startRun(input: { integrationId: $id }) { run { id } } }", { id: scene.own.integration });
  await expect(rows).toHaveCount(before + 1);
  await expect(rows.nth(1)).toContainText("Partly failed");
});
