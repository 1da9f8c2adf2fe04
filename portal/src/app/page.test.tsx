import { render, screen } from "@testing-library/react";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { expect, test, vi } from "vitest";
import { ErrorBoundary } from "./ErrorBoundary";
import { page } from "./page";

function Worded() {
  const { t } = useTranslation("kill-switches");
  return <h1>{t("lead")}</h1>;
}

test("a page that was loaded ahead is shown at once, with its words", async () => {
  const load = vi.fn(() => Promise.resolve({ default: Worded }));
  const worded = page(load, "kill-switches");
  await worded.loadAhead();
  expect(load).toHaveBeenCalledOnce();
  render(<Suspense fallback="waiting">{worded.element}</Suspense>);
  expect(screen.getByRole("heading").textContent).toContain("Nothing is lost.");
  expect(screen.queryByText("waiting")).toBeNull();
});

test("a page that was not is waited for", async () => {
  const later = page(() => Promise.resolve({ default: () => <h1>There</h1> }));
  render(<Suspense fallback="waiting">{later.element}</Suspense>);
  expect(screen.getByText("waiting")).toBeDefined();
  expect(await screen.findByRole("heading", { name: "There" })).toBeDefined();
});

test("what can't be loaded ahead is told where it is shown", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const missing = page(() => Promise.reject(new Error("no such file")));
  await missing.loadAhead();
  render(
    <ErrorBoundary>
      <Suspense fallback="waiting">{missing.element}</Suspense>
    </ErrorBoundary>,
  );
  expect(await screen.findByRole("alert")).toBeDefined();
});
