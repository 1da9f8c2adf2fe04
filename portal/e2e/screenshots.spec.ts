import { isStill } from "./axe";
import { open, settled, signIn, test } from "./fixtures";
import { places } from "./places";
import { scene } from "./scene";

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

// Pictures for people to look at: `E2E_SCREENSHOTS=1`.
if (process.env.E2E_SCREENSHOTS === "1") {
  for (const { name, address, as } of places) {
    test(`a picture of ${name}`, async ({ page }) => {
      if (as !== "nobody") await signIn(page, scene.people[as]);
      for (const [size, viewport] of Object.entries(sizes)) {
        await page.setViewportSize(viewport);
        await open(page, address);
        // Pictures are drawn when one comes to them.
        await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
        await settled(page);
        await page.evaluate(() => window.scrollTo(0, 0));
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await isStill(page);
          await page.screenshot({ path: `e2e/screenshots/${name}-${size}-${colorScheme}.png`, fullPage: true });
        }
      }
    });
  }
}
