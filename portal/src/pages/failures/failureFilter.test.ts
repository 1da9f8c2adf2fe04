import { expect, test } from "vitest";
import { filterOf } from "./failureFilter";

test("the address says what is looked for, and what it says wrongly is left out", () => {
  const filter = filterOf(new URLSearchParams("status=OPEN&category=NONSENSE&q=PO&hour=2026-11-27T10:00:00Z&integration=int_1"), "ten_1");
  expect(filter).toMatchObject({
    tenantId: "ten_1",
    status: ["OPEN"],
    category: undefined,
    businessReference: { contains: "PO" },
    integrationId: "int_1",
    failedAt: { gte: "2026-11-27T10:00:00.000Z", lt: "2026-11-27T11:00:00.000Z" },
  });
});
