import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect } from "./fixtures";

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Finds no violation of WCAG 2.2 AA in what a page shows, light and dark. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
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

/** Colours pass from one theme to the other by transitions. */
export async function isStill(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  });
}
