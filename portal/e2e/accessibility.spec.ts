import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, open, signIn, test } from "./fixtures";
import { places } from "./places";
import { scene } from "./scene";

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** So many places are looked at in one browser, as one person. */
const PLACES_AT_ONCE = 5;

/** Colours pass from one theme to the other by transitions. */
async function isStill(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  });
}

for (const as of ["nobody", "TENANT_ADMIN", "PLATFORM_ADMIN"] as const) {
  const all = places.filter((place) => place.as === as);
  for (let from = 0; from < all.length; from += PLACES_AT_ONCE) {
    const some = all.slice(from, from + PLACES_AT_ONCE);
    test(`no violation of WCAG 2.2 AA, light and dark: ${some.map(({ name }) => name).join(", ")}`, async ({ page }) => {
      if (as !== "nobody") await signIn(page, scene.people[as]);
      for (const { name, address } of some) {
        await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
        await open(page, address);
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await isStill(page);
          // In one document: there are no frames.
          const axe = new AxeBuilder({ page }).setLegacyMode(true);
          // The other theme changes colours alone.
          const { violations } = await (colorScheme === "light" ? axe.withTags(rules) : axe.withRules("color-contrast")).analyze();
          const found = violations.flatMap(({ id, nodes }) =>
            nodes.map(({ target, html, failureSummary = "" }) => `${id} at ${target.join(" ")}: ${html.slice(0, 200)} ${failureSummary}`),
          );
          expect.soft(found, `${name}, ${colorScheme}`).toEqual([]);
        }
      }
    });
  }
}
