import { expect, settled, test } from "./fixtures";
import { navigation } from "./navigation";
import { scene, type Role } from "./scene";

for (const [role, entries] of Object.entries(navigation)) {
  test(`${role} signs in, finds the pages of the role, and each opens`, async ({ page }) => {
    await page.goto("/inbox");
    await expect(page).toHaveURL("/sign-in?next=%2Finbox");
    await page.getByLabel("Mail address").fill(scene.people[role as Role]);
    await page.getByLabel("Password").fill(scene.password);
    await page.getByRole("button", { name: "Sign in" }).click();

    await expect(page.getByRole("heading", { level: 1, name: "Inbox" })).toBeVisible();
    const pages = page.getByRole("navigation", { name: "Pages", exact: true });
    await expect(pages.getByRole("link")).toHaveText(entries);

    for (const entry of entries) {
      const link = pages.getByRole("link", { name: entry, exact: true });
      await link.click();
      await expect(link).toHaveAttribute("aria-current", "page");
      await settled(page);
      await expect(page.getByText("This page came to a stop")).toHaveCount(0);
    }

    await page.getByRole("button", { name: /^Your account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
    await page.goBack();
    await expect(page).toHaveURL(/\/sign-in/);
  });
}

test("a wrong password is refused in words", async ({ page }) => {
  await page.goto("/sign-in");
  await page.getByLabel("Mail address").fill("nobody@example.com");
  await page.getByLabel("Password").fill("not the password of anybody");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("password");
  await expect(page).toHaveURL("/sign-in");
});
