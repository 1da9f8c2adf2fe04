import { expect, test } from "vitest";
import { countsOf, gaugeOf } from "./prometheus";

const text = `# TYPE trestle_workers gauge
trestle_workers 2
trestle_claims_total{outcome="claimed"} 7
trestle_claims_total{outcome="failed"} 1
`;

test("metrics are read by their names", () => {
  expect(gaugeOf(text, "trestle_workers")).toBe(2);
  expect(gaugeOf(text, "trestle_worker")).toBeNull();
  expect([...countsOf(text, "trestle_claims_total", "outcome")]).toEqual([["claimed", 7], ["failed", 1]]);
});
