import type { Locator, Page } from "@playwright/test";
import { expect, open, signIn, test } from "./fixtures";
import { scene } from "./scene";

const { mended } = scene;
/** More stops than a page has before what one looks for. */
const STOPS_MAX = 80;

/** Goes on with the tabulator until this has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  // By itself: while a list is open, nothing else has a role.
  const element = await target.elementHandle();
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    if (await element.evaluate((it) => it === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("the tabulator does not come there");
}

async function focusIsSeen(page: Page): Promise<void> {
  const seen = await page.evaluate(() => {
    const look = getComputedStyle(document.activeElement ?? document.body);
    return (look.outlineStyle !== "none" && look.outlineWidth !== "0px") || look.boxShadow !== "none";
  });
  expect(seen, "one sees where the focus is").toBe(true);
}

test("signs in with the keyboard alone", async ({ page }) => {
  await page.goto("/sign-in");
  await tabTo(page, page.getByLabel("Mail address"));
  await page.keyboard.type(scene.people.TENANT_VIEWER);
  await page.keyboard.press("Tab");
  await page.keyboard.type(scene.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
});

test("skips the navigation, goes through it, and each page takes the focus", async ({ page }) => {
  await signIn(page, mended.member);
  await open(page, "/");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await focusIsSeen(page);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();

  await page.reload();
  const pages = page.getByRole("navigation", { name: "Pages", exact: true });
  for (const name of ["Inbox", "Integrations", "Failures"]) {
    const link = pages.getByRole("link", { name, exact: true });
    await link.focus();
    await focusIsSeen(page);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1, name })).toBeFocused();
  }
});

test("a menu and a dialog give the focus back", async ({ page }) => {
  await signIn(page, mended.member);
  await open(page, `/failures/${mended.failure}`);
  const account = page.getByRole("button", { name: /^Your account/ });
  await tabTo(page, account);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Sign out" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expect(account).toBeFocused();

  const leaveOut = page.getByRole("button", { name: "Leave it out" });
  await tabTo(page, leaveOut);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  const holdsFocus = () => dialog.evaluate((element) => element.contains(document.activeElement));
  for (let stop = 0; stop < 12; stop += 1) {
    expect(await holdsFocus(), "the focus stays in it").toBe(true);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(leaveOut).toBeFocused();
});

test("opens a failure from the inbox and retries it", async ({ page }) => {
  await signIn(page, mended.member);
  await open(page, "/inbox");
  await tabTo(page, page.getByRole("list", { name: "Inbox" }).getByRole("heading").getByRole("link"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`/groups/${mended.group}`);
  const order = mended.orders[1] ?? "";
  await tabTo(page, page.getByRole("table").getByRole("link", { name: order }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: order })).toBeVisible();

  await tabTo(page, page.getByRole("button", { name: "Retry", exact: true }));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Retry" });
  await tabTo(page, dialog.getByRole("button", { name: "Retry 1 failure" }));
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Resolved");
});
