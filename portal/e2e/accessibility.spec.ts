import { expectAccessible } from "./axe";
import { open, signIn, test } from "./fixtures";
import { places } from "./places";
import { scene } from "./scene";

/** So many places are looked at in one browser, as one person. */
const PLACES_AT_ONCE = 5;

for (const as of ["nobody", "TENANT_ADMIN", "PLATFORM_ADMIN"] as const) {
  const all = places.filter((place) => place.as === as);
  for (let from = 0; from < all.length; from += PLACES_AT_ONCE) {
    const some = all.slice(from, from + PLACES_AT_ONCE);
    test(`no violation of WCAG 2.2 AA, light and dark: ${some.map(({ name }) => name).join(", ")}`, async ({ page }) => {
      if (as !== "nobody") await signIn(page, scene.people[as]);
      for (const { name, address } of some) {
        await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
        await open(page, address);
        await expectAccessible(page, name);
      }
    });
  }
}
