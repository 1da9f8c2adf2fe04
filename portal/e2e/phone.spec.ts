import { expect, open, signIn, test } from "./fixtures";
import { scene } from "./scene";

test.use({ viewport: { width: 390, height: 844 } });

test("on a phone the tab of an address is in view, and the audit log speaks in words", async ({ page }) => {
  await signIn(page, scene.people.TENANT_ADMIN);
  await open(page, `/integrations/${scene.own.integration}?tab=audit`);
  await expect(page.getByRole("tab", { name: "Audit log" })).toBeInViewport({ ratio: 0.9 });
  await expect(page.getByText("createIntegration")).toHaveCount(0);
  await expect(page.getByText("Made an integration")).toBeVisible();
});

test("on a phone no text is wider than its place", async ({ page }) => {
  await signIn(page, scene.people.TENANT_ADMIN);
  await open(page, "/settings");
  const wide = await page
    .locator("main p")
    .evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent));
  expect(wide).toEqual([]);
});
