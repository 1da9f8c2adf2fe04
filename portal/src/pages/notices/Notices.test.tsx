import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import { arrivalOf } from "./arrival";
import { draftOf, inputOf } from "./policyDraft";
import type { Policy } from "./policyFields";
import Notices from "./Notices";

const pageInfo = { hasNextPage: false, endCursor: null };
const channel = {
  id: "notice_channel_1",
  tenantId: "ten_1",
  name: "Our webhook",
  kind: "WEBHOOK",
  status: "ACTIVE",
  statusReason: null,
  url: "https://hooks.acme.example/trestle",
  previousSecretUntil: null,
  addresses: null,
  toAdmins: false,
  isDefault: false,
  failingSince: null,
  createdAt: "2026-01-01T00:00:00Z",
};
const NoticeChannels = { noticeChannels: { edges: [{ node: channel }], pageInfo } };

const policy: Policy = {
  id: "notice_policy_1",
  tenantId: null,
  name: "Night shift",
  isEnabled: true,
  isDefault: false,
  channelIds: ["notice_channel_1"],
  delivery: "DAILY",
  digestHour: null,
  timeZone: "Europe/Berlin",
  quietOverride: ["HELD"],
  hourlyMax: null,
  quietHours: { from: "20:00", until: "06:00" },
  selectors: { kinds: [], tenantIds: [], integrationIds: [], codes: ["a.b", "c.d"], categories: [], responsibleParties: [], countMin: 5, impactMin: null },
};

test("a policy that is opened and saved stays what it was", () => {
  expect(inputOf(draftOf(policy))).toMatchObject({
    name: "Night shift",
    digestHour: 0,
    quietHours: { from: "20:00", until: "06:00" },
    quietOverride: ["HELD"],
    hourlyMax: 1_000,
    selectors: { codes: ["a.b", "c.d"], countMin: 5 },
  });
});

test("the worst of its deliveries is a notice's", () => {
  expect(arrivalOf([{ status: "DELIVERED" }, { status: "FAILED" }])).toBe("FAILED");
  expect(arrivalOf([])).toBeNull();
});

test("a channel is tested, and one reads what came of it", async () => {
  renderPage(<Notices />, {
    at: "/notices?tab=channels",
    permissions: ["notices:read", "notices:manage"],
    answers: {
      NoticeChannels,
      TestNoticeChannel: { testNoticeChannel: { noticeChannel: null, delivered: false, message: "It answered 500.", userErrors: [] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Test" }));
  expect((await screen.findByRole("alert")).textContent).toContain("It answered 500.");
});

test("another secret is shown once", async () => {
  const { asked } = renderPage(<Notices />, {
    at: "/notices?tab=channels",
    permissions: ["notices:read", "notices:manage"],
    answers: {
      NoticeChannels,
      RotateNoticeChannelSecret: { rotateNoticeChannelSecret: { noticeChannel: null, secret: "whsec_new", userErrors: [] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Actions for Our webhook" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: /secret/i }));
  await userEvent.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Make another secret" }));
  expect((await screen.findByRole("region", { name: "Secret" })).textContent).toContain("whsec_new");
  expect(asked.find(({ name }) => name === "RotateNoticeChannelSecret")?.variables).toEqual({
    input: { channelId: "notice_channel_1", overlapHours: 24, secret: null },
  });
});

test("who only reads has nothing to press", async () => {
  renderPage(<Notices />, { at: "/notices?tab=channels", permissions: ["notices:read"], answers: { NoticeChannels } });
  expect(await screen.findByText("Our webhook")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Test" })).toBeNull();
  expect(screen.queryByRole("button", { name: "New channel" })).toBeNull();
});
