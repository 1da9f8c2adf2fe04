import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Words from "./Words";

const word = {
  code: "source.timeout",
  part: "ACTION",
  audience: "CUSTOMER",
  locale: "en",
  text: "Please wait.",
  shipped: "Wait: { $subject } is slow.",
  isOverridden: true,
  setAt: "2026-11-27T10:00:00Z",
  setBy: "Eve",
};

test("a word is said otherwise, and as it is shipped again", async () => {
  const { asked } = renderPage(<Words />, {
    viewer: { role: "PLATFORM_ADMIN", tenant: null },
    permissions: ["words:manage"],
    answers: {
      Words: { words: [word] },
      SetWordOverride: { setWordOverride: { word, userErrors: [] } },
      RemoveWordOverride: { removeWordOverride: { word, userErrors: [] } },
    },
  });
  const user = userEvent.setup();
  const which = { code: "source.timeout", part: "ACTION", audience: "CUSTOMER", locale: "en" };
  const open = async () => {
    await user.click(await screen.findByRole("button", { name: /Change source\.timeout/ }));
    return within(await screen.findByRole("dialog"));
  };
  const text = (await open()).getByRole("textbox", { name: "Your words" });
  await user.clear(text);
  await user.type(text, "Wait a little.");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(asked.find(({ name }) => name === "SetWordOverride")?.variables).toEqual({ input: { ...which, text: "Wait a little." } });
  await user.click((await open()).getByRole("button", { name: "As shipped again" }));
  expect(asked.find(({ name }) => name === "RemoveWordOverride")?.variables).toEqual({ input: which });
});
