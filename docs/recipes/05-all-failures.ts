// Copies all failures of the last year into a file, and later what is new: none is left out, wherever it was interrupted.
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";

import { Trestle } from "@trestle/client";

import { graphql } from "./generated/gql.js";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey, SETTLE_SECONDS = "60" } = process.env;
const [file = "failures.jsonl"] = process.argv.slice(2);
if (!apiKey) throw new Error("Set TRESTLE_API_KEY.");

const FailuresSince = graphql(`
  query FailuresSince($filter: FailureFilter!, $after: String) {
    failures(filter: $filter, orderBy: { field: FAILED_AT, direction: ASC }, first: 100, after: $after) {
      edges {
        node {
          id
          failedAt
          code
          status
          responsibleParty
          businessReference
          summary
          integration {
            id
            name
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const trestle = new Trestle({ url, apiKey });
const now = Date.now();
const filter = {
  failedAt: {
    gte: new Date(now - 365 * 24 * 60 * 60 * 1_000).toISOString(),
    // What fails at this moment may not be stored yet: it is for the next time.
    lt: new Date(now - Number(SETTLE_SECONDS) * 1_000).toISOString(),
  },
};

// The cursor behind the last page that was written. Pages are in the order of time, so that new failures come behind it.
const bookmark = `${file}.bookmark`;
const after = await readFile(bookmark, "utf8").catch(() => undefined);

let count = 0;
for await (const { edges, pageInfo } of trestle.pages(FailuresSince, { filter, after }, "failures")) {
  await appendFile(file, edges.map(({ node }) => `${JSON.stringify(node)}\n`).join(""));
  // Behind the lines: after a crash in between a page comes twice, which its ids tell, and none is left out.
  if (pageInfo.endCursor) {
    await writeFile(`${bookmark}.new`, pageInfo.endCursor);
    await rename(`${bookmark}.new`, bookmark);
  }
  count += edges.length;
}
console.log(`${count} failures ${after ? "more" : "of the last year"} are in ${file}`);
