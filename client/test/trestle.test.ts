import { expect, test } from "vitest";

import { ExportFailed, Forbidden, NetworkError, NotFound, Trestle } from "../src/index.js";
import { type Answer, data, error, json, start, stream } from "./server.js";

const run = (status: string, read = 0) => ({ data: { runChanged: { id: "run_1", status, counts: { read } } } });
const retry = (status: string, remaining: number) => ({ data: { retryChanged: { id: "retry_1", status, remaining } } });
const ROWS = [{ id: "a", name: "Ännä" }, { id: "b" }, { id: "c" }];
const FILE = ROWS.map((row) => `${JSON.stringify(row)}\n`).join("");

function client(url: string): Trestle {
  return new Trestle({ url, apiKey: "trk_1", retry: { baseMs: 5 } });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test("a run is waited for through a broken connection, with its progress", async () => {
  const server = await start(
    stream([run("QUEUED"), run("RUNNING", 100)], "break"),
    stream([run("RUNNING", 200), run("PARTIAL", 300)], "stay"),
  );
  const seen: [string, number][] = [];
  const ended = await client(server.url).waitForRun("run_1", {
    onProgress: ({ status, counts }) => seen.push([status, counts.read]),
  });
  expect(ended.status).toBe("PARTIAL");
  expect(seen).toEqual([
    ["QUEUED", 0],
    ["RUNNING", 100],
    ["RUNNING", 200],
    ["PARTIAL", 300],
  ]);
  expect(server.taken[0]?.request.variables).toEqual({ runId: "run_1" });
});

test("a retry is waited for", async () => {
  const server = await start(stream([retry("QUEUED", 3), retry("RUNNING", 1), retry("COMPLETED", 0)], "stay"));
  expect(await client(server.url).waitForRetry("retry_1")).toMatchObject({ status: "COMPLETED", remaining: 0 });
  server.answer(stream([retry("RUNNING", 1)], "complete"));
  await expect(client(server.url).waitForRetry("retry_1")).rejects.toMatchObject({ code: "UNEXPECTED" });
});

test("a portal session has a token", async () => {
  const server = await start(
    data({
      createPortalSession: {
        token: "portal",
        expiresAt: "2026-11-27T09:00:00Z",
        portalSession: { id: "portalsession_1", endUser: "Mia", scopes: ["runs:read"] },
        userErrors: [],
      },
    }),
  );
  const input = { tenantId: "tenant_1", endUser: "Mia", scopes: ["runs:read"] };
  expect(await client(server.url).createPortalSession(input)).toEqual({
    id: "portalsession_1",
    token: "portal",
    expiresAt: "2026-11-27T09:00:00Z",
    endUser: "Mia",
    scopes: ["runs:read"],
  });
});

/** An installation whose export is complete at the third look. */
function exporting(url: string, ended: object, ...files: Answer[]): Answer {
  let looks = 0;
  const made = { id: "export_1", status: "QUEUED", url: null, rowCount: 0 };
  return (response, taken, request) => {
    const { query } = taken.request;
    if (query.includes("createExport")) {
      return data({ createExport: { export: made, userErrors: [] } })(response, taken, request);
    }
    if (query) {
      looks += 1;
      const now = looks < 3 ? { ...made, status: "RUNNING" } : { ...made, url, rowCount: 3, ...ended };
      return data({ export: now })(response, taken, request);
    }
    return (files.length > 1 ? files.shift() : files[0])?.(response, taken, request);
  };
}

const file: Answer = (response) => response.end(FILE);
const half: Answer = (response) => {
  response.writeHead(200, { "content-length": FILE.length + 1 });
  response.write(Buffer.from(FILE).subarray(0, 30));
  setTimeout(() => response.destroy(), 20);
};

test.each(["/exports/trx_1", "absolute"])("the rows of an export at %s are had without a token", async (path) => {
  const server = await start(file);
  const url = path === "absolute" ? `${server.url}/exports/trx_1` : path;
  server.answer(exporting(url, { status: "SUCCEEDED" }, file));
  const seen: string[] = [];
  const rows = client(server.url).exportRows<{ id: string }>(
    { query: "{ runs { edges { node { id } } } }" },
    { onProgress: ({ status }) => seen.push(status) },
  );
  expect(await all(rows)).toEqual(ROWS);
  expect(seen).toEqual(["RUNNING", "RUNNING", "SUCCEEDED"]);
  expect(server.taken.at(-1)).toMatchObject({ method: "GET", url: "/exports/trx_1" });
  expect(server.taken.at(-1)?.headers.authorization).toBeUndefined();
});

test("a download that breaks off is taken up where it was, and one that is too short is an error", async () => {
  const server = await start(exporting("/exports/trx_1", { status: "SUCCEEDED" }, half, half, file));
  expect(await all(client(server.url).exportRows({ query: "" }))).toEqual(ROWS);
  const short: Answer = (response) => response.end('{"id":"a"}\n');
  server.answer(exporting("/exports/trx_1", { status: "SUCCEEDED" }, short));
  await expect(all(client(server.url).exportRows({ query: "" }))).rejects.toThrow(NetworkError);
  server.answer(exporting("/exports/trx_1", { status: "SUCCEEDED" }, error("NOT_FOUND", 404)));
  await expect(all(client(server.url).exportRows({ query: "" }))).rejects.toThrow(NotFound);
});

test("an export that comes to nothing is thrown with its reason", async () => {
  const failed = { status: "FAILED", failureCode: "TOO_LARGE", failureMessage: "It is too large.", url: null };
  const server = await start(exporting("", failed));
  const rows = client(server.url).exportRows({ query: "" });
  const thrown: unknown = await rows.next().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ExportFailed);
  expect(thrown).toMatchObject({ code: "TOO_LARGE", message: "It is too large.", export: { id: "export_1" } });
  server.answer(data({ export: null }));
  await expect(client(server.url).waitForExport("export_1")).rejects.toThrow(NotFound);
  const unknown = client(server.url).downloadExport({ url: null });
  await expect(unknown).rejects.toMatchObject({ code: "NO_FILE" });
});

test("a file is put where it is said, again when the connection breaks, a stream only once", async () => {
  const broken: Answer = (response) => response.destroy();
  const put = json({ path: "in/orders 1.csv", size: 3, integrations: [] }, 201);
  const server = await start(broken, put);
  const trestle = client(server.url);
  expect(await trestle.uploadFile("system_1", "in/orders 1.csv", "a,b")).toMatchObject({ size: 3 });
  expect(server.taken[1]).toMatchObject({
    method: "PUT",
    url: "/files/system_1/in/orders%201.csv",
    headers: { authorization: "Bearer trk_1" },
    body: "a,b",
  });
  await trestle.uploadFile("system_1", "a", new Blob(["from a page"]));
  await trestle.uploadFile("system_1", "a", new TextEncoder().encode("bytes"));
  await trestle.uploadFile("system_1", "a", new Blob(["bit by bit"]).stream());
  expect(server.taken.slice(2).map(({ body }) => body)).toEqual(["from a page", "bytes", "bit by bit"]);
  server.answer(broken, put);
  await expect(trestle.uploadFile("system_1", "a", new Blob(["x"]).stream())).rejects.toThrow(NetworkError);

  server.answer(broken, put);
  await expect(trestle.uploadFile("system_1", "a", "x", { onlyNew: true })).rejects.toThrow(NetworkError);
  expect(server.taken.at(-1)?.headers["if-none-match"]).toBe("*");
  const no = (code: string, status: number) => json({ error: { code, message: `It is ${code}.` } }, status);
  server.answer(no("forbidden", 403), no("occupied", 412));
  await expect(trestle.uploadFile("system_1", "a", "x")).rejects.toThrow(Forbidden);
  const occupied = { code: "OCCUPIED", message: "It is occupied.", status: 412 };
  await expect(trestle.uploadFile("system_1", "a", "x")).rejects.toMatchObject(occupied);
});
