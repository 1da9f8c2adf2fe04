import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { renderPage } from "@/test/render";
import SignIn, { localPath } from "./SignIn";

beforeEach(() => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}", { status: 404 })));
});

const refused = (code: string, message: string) => ({
  signIn: { accessToken: null, refreshToken: null, expiresAt: null, viewer: null, userErrors: [{ code, field: null, message }] },
});

test("a wrong password is told in the form", async () => {
  renderPage(<SignIn />, { answers: { SignIn: refused("UNAUTHENTICATED", "mail address and password don't go together") } });
  await userEvent.type(await screen.findByLabelText("Mail address"), "ann@acme.example");
  await userEvent.type(screen.getByLabelText("Password"), "wrong{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("don't go together");
});

test("who has a second factor is asked for a code, and both are sent", async () => {
  const { asked } = renderPage(<SignIn />, { answers: { SignIn: refused("SECOND_FACTOR_REQUIRED", "a code is missing") } });
  await userEvent.type(await screen.findByLabelText("Mail address"), "ann@acme.example");
  await userEvent.type(screen.getByLabelText("Password"), "right{Enter}");
  await userEvent.type(await screen.findByLabelText("Code"), "123456{Enter}");
  expect(asked.at(-1)?.variables).toEqual({ input: { email: "ann@acme.example", password: "right", code: "123456" } });
});

test("after signing in one goes on within the portal only", () => {
  expect(localPath("/runs/run_1?tab=events")).toBe("/runs/run_1?tab=events");
  expect(localPath("//evil.example")).toBe("/");
  expect(localPath("/\\evil.example")).toBe("/");
  expect(localPath("https://evil.example")).toBe("/");
  expect(localPath(null)).toBe("/");
});
