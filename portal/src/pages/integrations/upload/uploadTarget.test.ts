import { expect, test } from "vitest";
import { targetOf } from "./uploadTarget";

test("one file is replaced, and of several each has its name", () => {
  expect(targetOf({ name: "orders", path: "in/orders.csv" }, "November.csv")).toBe("in/orders.csv");
  expect(targetOf({ name: "orders", path: "in/orders-*.csv" }, "orders-7.csv")).toBe("in/orders-7.csv");
  expect(targetOf({ name: "orders", path: "in/**/*.csv" }, "a.csv")).toBe("in/a.csv");
  expect(targetOf({ name: "orders", path: "*.csv" }, "a.csv")).toBe("a.csv");
});
