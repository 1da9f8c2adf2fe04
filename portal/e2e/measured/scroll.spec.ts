import type { Page } from "@playwright/test";
import { expect, open, signIn, test } from "../fixtures";
import { scene } from "../scene";

const WHEEL_PIXELS = 400;
/** A frame that takes longer is seen to stutter. */
const LONG_FRAME_MS = 50;

interface Frames {
  count: number;
  long: number;
  longestMs: number;
}

/** Turns the wheel until a row of this number is there, and says how long the frames took meanwhile. */
async function scrollTo(page: Page, label: string, row: number): Promise<Frames> {
  await page.evaluate(() => {
    const frames: number[] = [];
    let before = performance.now();
    const next = (now: number) => {
      frames.push(now - before);
      before = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    Object.assign(window, { frames });
  });
  const rows = page.getByRole("table", { name: label }).getByRole("row");
  await page.mouse.move(700, 500);
  await expect(async () => {
    for (let turn = 0; turn < 12; turn += 1) {
      await page.mouse.wheel(0, WHEEL_PIXELS);
      await page.waitForTimeout(16);
    }
    const seen = await rows.evaluateAll((all) => Math.max(...all.map((each) => Number(each.getAttribute("aria-rowindex")))));
    expect(seen).toBeGreaterThanOrEqual(row);
  }).toPass({ intervals: [0], timeout: 100_000 });
  // However many were seen, those in sight are made.
  expect(await rows.count()).toBeLessThan(100);
  const frames = await page.evaluate(() => (window as unknown as { frames: number[] }).frames);
  return {
    count: frames.length,
    long: frames.filter((took) => took > LONG_FRAME_MS).length,
    longestMs: Math.round(Math.max(...frames)),
  };
}

for (const [address, label, row, many] of [
  ["/integrations", "Integrations", scene.large.integrations, `${String(scene.large.integrations)} integrations`],
  ["/failures", "Failures", 1_000, `${String(scene.large.failures)} failures`],
] as const) {
  test(`${many} scroll smoothly`, async ({ page }) => {
    test.slow();
    await page.setViewportSize({ width: 1440, height: 900 });
    await signIn(page, scene.large.admin);
    await open(page, address);
    const frames = await scrollTo(page, label, row);
    console.log(`${many}: ${String(frames.long)} of ${String(frames.count)} frames over ${String(LONG_FRAME_MS)} ms, the longest ${String(frames.longestMs)} ms`);
    expect(frames.count).toBeGreaterThan(0);
    // Elsewhere they are told and not judged.
    if (process.env.E2E_ALONE === "1") expect(frames.long / frames.count).toBeLessThan(0.2);
  });
}
