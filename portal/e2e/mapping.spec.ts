import type { Locator } from "@playwright/test";
import { expect, open, signIn, test } from "./fixtures";
import { scene } from "./scene";

const { own, people } = scene;

async function write(editor: Locator, text: string): Promise<void> {
  await editor.click();
  await editor.press("Control+a");
  // Written over, Chromium would style the new text as the old one was, which the policy does not let it.
  await editor.press("Delete");
  await editor.page().keyboard.insertText(text);
}

test("a mapping is tried on the source's first records before it is saved", async ({ page }) => {
  await signIn(page, people.TENANT_ADMIN);
  await open(page, `/integrations/${own.integration}?tab=mapping`);
  await page.getByRole("button", { name: "Take the source's first records" }).click();
  await expect(page.getByRole("textbox", { name: "Sample records" })).toContainText("SBX-000001");

  const program = page.getByRole("textbox", { name: "Mapping of records" });
  await write(program, ".currency = upcse!(.currency)");
  await page.getByRole("button", { name: "Try the mapping" }).click();
  await expect(page.getByText("1 place of the program is wrong")).toBeVisible();

  await write(program, '.currency = downcase!(.currency) + "!"');
  await page.getByRole("button", { name: "Try the mapping" }).click();
  const results = page.getByRole("region", { name: "What the mapping makes of them" });
  await expect(results.getByText("Would be written", { exact: true })).toHaveCount(5);
  await expect(results.getByRole("region", { name: "SBX-000001 as it would be written" })).toContainText(/"currency": "[a-z]{3}!"/);

  // Nothing of it was saved.
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Mapping of records" })).toHaveText("");
});
