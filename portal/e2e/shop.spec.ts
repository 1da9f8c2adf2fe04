import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { Api, expect, open, test } from "./fixtures";
import { scene } from "./scene";

const { shop } = scene;
const [first = "", second = "", third = ""] = shop.orders;

/** From the failures of the group to the record of one, which is edited. */
async function edit(page: Page, order: string): Promise<void> {
  await page.getByRole("table").getByRole("link", { name: order }).click();
  await expect(page.getByRole("heading", { level: 1, name: order })).toBeVisible();
  await page.getByRole("link", { name: "Edit the record and retry it" }).click();
  await expect(page.getByLabel("Amount")).toHaveValue(/25.?000/);
}

test("a customer brings three failed purchase orders home", async ({ page, request }) => {
  await page.goto("/sign-in");
  await page.getByLabel("Mail address").fill(shop.member);
  await page.getByLabel("Password").fill(scene.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: "Inbox" }).click();

  await test.step("finds what they have in common", async () => {
    const causes = page.getByRole("list", { name: "Inbox" }).getByRole("listitem");
    await expect(causes).toHaveCount(1);
    await expect(causes).toContainText("3");
    await causes.getByRole("heading").getByRole("link").click();
    await expect(page).toHaveURL(`/groups/${shop.group}`);
  });

  await test.step("edits the first: what is wrong is said in its place, what is right arrives", async () => {
    await edit(page, first);
    const amount = page.getByLabel("Amount");
    await amount.fill("-5");
    await page.getByRole("button", { name: "Save and retry" }).click();
    await expect(amount).toHaveAccessibleDescription(/at least 0/i);
    await expect(amount).toHaveAttribute("aria-invalid", "true");
    await amount.fill("2500");
    await page.getByRole("button", { name: "Save and retry" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Resolved");
  });

  await test.step("edits the second", async () => {
    await open(page, `/groups/${shop.group}`);
    await edit(page, second);
    await page.getByLabel("Amount").fill("1900");
    await page.getByRole("button", { name: "Save and retry" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Resolved");
  });

  await test.step("mends the file for the third, and drops it into the page", async () => {
    await open(page, `/integrations/${shop.integration}`);
    const mended = (await readFile(shop.file, "utf8")).replaceAll("25000.00", "310.00");
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Choose files" }).click();
    await (await chooser).setFiles({ name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from(mended) });
    await page.getByRole("link", { name: "The run", exact: true }).click();
    await expect(page).toHaveURL(/\/runs\//);
    await expect(page).not.toHaveURL(`/runs/${shop.run}`);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Succeeded");
  });

  await test.step("and nothing is left to do", async () => {
    await page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: "Inbox" }).click();
    await expect(page.getByRole("list", { name: "Inbox" })).toHaveCount(0);
    await expect(page.getByText(/Nothing/)).toBeVisible();
  });

  const member = await Api.of(request, shop.member);
  const { data } = await member.ask<{ failures: { edges: { node: { businessReference: string; status: string } }[] } }>(
    `{ failures(first: 10) { edges { node { businessReference status } } } }`,
  );
  const ended = data.failures.edges.map(({ node }) => `${node.businessReference} ${node.status}`).sort();
  expect(ended).toEqual([`${first} RESOLVED`, `${second} RESOLVED`, `${third} SUPERSEDED`]);
});
