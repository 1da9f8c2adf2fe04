import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Settings from "./Settings";

const session = (id: string, isCurrent: boolean) => ({
  cursor: id,
  node: {
    id,
    createdAt: "2026-11-01T08:00:00Z",
    lastUsedAt: "2026-11-27T08:00:00Z",
    expiresAt: "2026-12-01T08:00:00Z",
    address: "192.0.2.7",
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36",
    isCurrent,
  },
});

const answers = {
  SecondFactor: { viewer: { secondFactor: false, recoveryCodesLeft: null } },
  OwnSessions: {
    viewer: {
      sessions: {
        edges: [session("session_1", true), session("session_2", false)],
        pageInfo: { hasNextPage: false, endCursor: null },
      },
    },
  },
};

test("a second factor is set up with a picture, a code, and recovery codes that are shown once", async () => {
  const { asked } = renderPage(<Settings />, {
    answers: {
      ...answers,
      EnrollSecondFactor: { enrollSecondFactor: { secret: "JBSWY3DP", otpauthUrl: "otpauth://totp/Trestle:ann?secret=JBSWY3DP", userErrors: [] } },
      ConfirmSecondFactor: { confirmSecondFactor: { recoveryCodes: ["aaaa-1111", "bbbb-2222"], viewer: null, userErrors: [] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Set it up" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByLabelText("Your password"), "secret-words{Enter}");
  expect(await screen.findByRole("img", { name: /QR code/ })).toBeTruthy();
  await userEvent.type(screen.getByLabelText("Code"), "123456{Enter}");
  expect((await screen.findByRole("region", { name: "Recovery codes" })).textContent).toContain("bbbb-2222");
  expect(asked.find(({ name }) => name === "ConfirmSecondFactor")?.variables).toEqual({ input: { code: "123456" } });
});

test("another session is ended after asking, and one's own is not offered", async () => {
  const { asked } = renderPage(<Settings />, {
    answers: { ...answers, EndSession: { endSession: { endedSessionId: "session_2", userErrors: [] } } },
  });
  const [end, ...others] = await screen.findAllByRole("button", { name: "End" });
  expect(others).toEqual([]);
  if (end) await userEvent.click(end);
  await userEvent.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "End" }));
  expect(asked.at(-1)).toEqual({ name: "EndSession", variables: { input: { sessionId: "session_2" } } });
});
