import { expect, settled, signIn, test } from "../fixtures";
import { scene } from "../scene";

/** Of the views that people begin with; a list with its filters, to which a mail may lead, has more. */
const SCRIPT_BYTES = 200_000;
const LIST_SCRIPT_BYTES = 240_000;
/** What draws over time comes when one is near it, behind the numbers that it is about: on a high screen at once. */
const PICTURES = "/TimeSeriesPlot-";
/** On a machine that does nothing else, which `E2E_ALONE=1` says; elsewhere times are told and not judged. */
const VIEW_MS = 1_000;

for (const [name, address, isSignedIn, limit] of [
  ["the page to sign in", "/sign-in", false, SCRIPT_BYTES],
  ["home", "/", true, SCRIPT_BYTES],
  ["the inbox", "/inbox", true, LIST_SCRIPT_BYTES],
] as const) {
  test(`the first view of ${name} is small and soon there`, async ({ page }) => {
    if (isSignedIn) await signIn(page, scene.people.TENANT_ADMIN);
    const sizes: Promise<number>[] = [];
    page.on("requestfinished", (request) => {
      if (request.resourceType() === "script" && !request.url().includes(PICTURES)) sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
    });
    await page.goto(address, { waitUntil: "commit" });
    const contentMs = await page.evaluate(seen);
    await settled(page);
    const script = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    const paintMs = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
    console.log(
      `${name}: ${String(Math.round(script / 1_000))} kB of script in ${String(sizes.length)} files, ` +
        `painted after ${String(Math.round(paintMs))} ms, there after ${String(contentMs)} ms`,
    );
    expect(script).toBeGreaterThan(0);
    expect(script).toBeLessThan(limit);
    if (process.env.E2E_ALONE === "1") {
      expect(paintMs).toBeLessThan(VIEW_MS);
      expect(contentMs).toBeLessThan(VIEW_MS);
    }
  });
}

/** Milliseconds after the navigation began until the heading was there and nothing was waited for; asked at every frame. */
function seen(): Promise<number> {
  return new Promise((resolve) => {
    const look = () => {
      const isThere = document.querySelector("h1") && !document.querySelector('[role="status"][aria-label="Loading"]');
      if (isThere) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  });
}
