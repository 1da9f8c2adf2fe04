import { act, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { renderPage } from "@/test/render";
import { VirtualTable } from "./VirtualTable";

test("rows that are in sight already are not rendered again when others come", () => {
  // Nothing has a size here.
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(50);
  const rows = Array.from({ length: 200 }, (_, at) => ({ id: `row_${String(at)}` }));
  const cell = vi.fn(({ id }: { id: string }) => id);
  const columns = [{ id: "name", header: "Name", cell }];
  const pages = { rows, hasMore: false, isLoadingMore: false, loadMore: () => undefined, problem: null };
  renderPage(<VirtualTable label="Rows" pages={pages} columns={columns} rowHeight={50} />, { at: "/" });
  const last = screen.getAllByRole("row").length - 2;
  const times = (row: number) => cell.mock.calls.filter(([{ id }]) => id === `row_${String(row)}`).length;
  const before = times(10);
  expect(before).toBeGreaterThan(0);
  expect(times(last + 5)).toBe(0);

  Object.defineProperty(window, "scrollY", { value: 500, configurable: true });
  act(() => void window.dispatchEvent(new Event("scroll")));

  expect(times(last + 5)).toBe(1);
  expect(times(10)).toBe(before);
});
