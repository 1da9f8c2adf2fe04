import { expect, test, vi } from "vitest";
import { FrameHost } from "./frameHost";

interface Said {
  message: Record<string, unknown>;
  origin: string;
}

/** A frame in a page of shop.example. */
function frameOf({ referrer = "https://shop.example/inbox", search = "" } = {}) {
  const said: Said[] = [];
  const parent = { postMessage: (message: Record<string, unknown>, origin: string) => said.push({ message, origin }) };
  const events = new EventTarget();
  const frame = {
    parent,
    location: { search },
    document: { referrer },
    addEventListener: events.addEventListener.bind(events),
  } as unknown as Window;
  const answer = (data: unknown, origin = "https://shop.example", source: unknown = parent) =>
    events.dispatchEvent(Object.assign(new Event("message"), { data, origin, source }));
  return { frame, said, answer };
}

test("it asks the page around for a token, once at a time, and takes its answer", async () => {
  const { frame, said, answer } = frameOf();
  const host = FrameHost.around(frame);
  const tokens = [0, 1].map(() => host?.askToken() ?? Promise.reject(new Error("nobody is around")));
  expect(said).toEqual([{ message: { source: "trestle", type: "token-expired" }, origin: "https://shop.example" }]);
  answer({ source: "trestle", type: "token", token: "new" });
  expect(await Promise.all(tokens)).toEqual(["new", "new"]);
});

test("nothing is taken from another origin, from another window, or without a name", async () => {
  vi.useFakeTimers();
  const { frame, answer } = frameOf();
  const token = FrameHost.around(frame)?.askToken();
  const good = { source: "trestle", type: "token", token: "stolen" };
  answer(good, "https://evil.example");
  answer(good, "https://shop.example", {});
  answer({ ...good, source: "other" });
  answer("token");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await token).toBeNull();
  vi.useRealTimers();
});

test("whose frame it is says the referrer, or else the address; nobody is told where that is unknown", () => {
  const named = frameOf({ referrer: "", search: "?parent=https://shop.example" });
  FrameHost.around(named.frame)?.tellHeight(10);
  expect(named.said[0]?.origin).toBe("https://shop.example");
  expect(FrameHost.around(frameOf({ referrer: "", search: "?parent=null" }).frame)).toBeNull();
  expect(FrameHost.around(window)).toBeNull();
});
