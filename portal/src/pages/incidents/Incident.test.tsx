import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Incident from "./Incident";

const neutral = {
  id: "incident_1",
  title: "A system that you use does not answer",
  publicMessage: "We wait for it.",
  status: "INVESTIGATING",
  startedAt: "2026-11-27T10:00:00Z",
  detectedAt: "2026-11-27T10:02:00Z",
  resolvedAt: null,
  host: null,
  connectorName: null,
  fault: null,
  severity: null,
  commander: null,
  tenantCount: null,
  systemCount: null,
  createdBy: null,
  postmortem: null,
};
const forStaff = {
  ...neutral,
  title: "api.example.com is down",
  host: "api.example.com",
  connectorName: "http",
  fault: "UNAVAILABLE",
  severity: "MAJOR",
  commander: "Eve",
  tenantCount: 3,
  systemCount: 4,
};
const pageInfo = { hasNextPage: false, endCursor: null };
const parts = {
  IncidentTimeline: {
    incident: {
      id: "incident_1",
      timeline: {
        edges: [
          {
            cursor: "1",
            node: { at: "2026-11-27T10:02:00Z", kind: "DETECTED", status: null, text: "Found.", actorName: null, isPublic: false },
          },
        ],
        pageInfo,
      },
    },
  },
  AffectedSystems: {
    incident: {
      id: "incident_1",
      affected: {
        edges: [
          {
            cursor: "1",
            node: {
              tenant: { id: "ten_1", name: "Acme Stores" },
              system: { id: "system_1", name: "Shop" },
              integrations: [{ id: "int_1", name: "Orders" }],
              firstSeenAt: "2026-11-27T10:00:00Z",
              lastFailedAt: "2026-11-27T10:05:00Z",
              recoveredAt: null,
            },
          },
        ],
        pageInfo,
      },
    },
  },
};
const place = { at: "/incidents/incident_1", route: "/incidents/:id" };

test("those who are hit read the neutral side of it, and can do nothing", async () => {
  renderPage(<Incident />, { ...place, permissions: ["incidents:read"], answers: { Incident: { incident: neutral }, ...parts } });
  expect(await screen.findByRole("heading", { level: 1, name: /A system that you use/ })).toBeTruthy();
  expect(screen.getByText("We wait for it.")).toBeTruthy();
  expect(await screen.findByRole("link", { name: "Orders" })).toBeTruthy();
  expect(screen.queryByRole("columnheader", { name: "Tenant" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Resolve" })).toBeNull();
  expect(screen.queryByRole("textbox", { name: "Note" })).toBeNull();
  expect(screen.queryByText("Staff only")).toBeNull();
  expect(screen.queryByText("Lead")).toBeNull();
});

test("staff see who is hit, and resolve it", async () => {
  const { asked } = renderPage(<Incident />, {
    ...place,
    viewer: { role: "SUPPORT", tenant: null },
    permissions: ["incidents:read", "incidents:manage"],
    answers: {
      Incident: { incident: forStaff },
      ...parts,
      ResolveIncident: { resolveIncident: { incident: { ...forStaff, resolvedAt: "2026-11-27T11:00:00Z" }, userErrors: [] } },
    },
  });
  const user = userEvent.setup();
  expect(await screen.findByText("3 tenants, 4 systems")).toBeTruthy();
  expect(await screen.findByText("Staff only")).toBeTruthy();
  expect(screen.getByRole("columnheader", { name: "Tenant" })).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Resolve" }));
  const dialog = await screen.findByRole("alertdialog");
  await user.type(within(dialog).getByRole("textbox", { name: /Why/ }), "It answers.");
  await user.click(within(dialog).getByRole("button", { name: "Resolve" }));
  expect(asked.find(({ name }) => name === "ResolveIncident")?.variables).toEqual({
    input: { incidentId: "incident_1", note: "It answers." },
  });
});

test("one that is not the viewer's is not found", async () => {
  renderPage(<Incident />, { ...place, permissions: ["incidents:read"], answers: { Incident: { incident: null } } });
  expect(await screen.findByRole("heading", { level: 1, name: "Not found" })).toBeTruthy();
});
