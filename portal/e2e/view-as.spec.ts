import { expect, open, signIn, test } from "./fixtures";
import { navigation } from "./navigation";
import { scene } from "./scene";

const { own, people, tenant } = scene;

// It is tried, and refused.
test.use({ expected: /this is a view of what others see/ });

test("support sees what a tenant's administrator sees, and changes nothing", async ({ page }) => {
  await signIn(page, people.SUPPORT);
  await open(page, `/tenants/${tenant}`);
  await page.getByRole("button", { name: "View as" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("radio", { name: /Administrator/ })).toBeChecked();
  await dialog.getByRole("button", { name: "View as" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
  await expect(page.getByText(/^You see Trestle as/)).toBeVisible();

  // What staff have is gone, and what the customer has is there, but for their own account.
  const pages = page.getByRole("navigation", { name: "Pages", exact: true });
  await expect(pages.getByRole("link")).toHaveText(navigation.TENANT_ADMIN.filter((name) => name !== "Settings"));
  await pages.getByRole("link", { name: "Keys" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Keys" })).toBeVisible();
  await pages.getByRole("link", { name: "Integrations" }).click();
  await page.locator(`a[href="/integrations/${own.integration}"]`).first().click();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByText("You may not do this").first()).toBeVisible();

  await page.getByRole("button", { name: "Leave this view" }).click();
  await expect(pages.getByRole("link", { name: "Tenants" })).toBeVisible();
});
