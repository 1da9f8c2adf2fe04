// Each night: which integrations are not well, since when, why, and who acts next. For a mail, a ticket or a pager.
import { Trestle } from "@trestle/client";

import { graphql } from "./generated/gql.js";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey } = process.env;
if (!apiKey) throw new Error("Set TRESTLE_API_KEY.");

const NotWell = graphql(`
  query NotWell($after: String) {
    integrations(
      first: 50
      after: $after
      filter: { health: [HELD, ACTION_REQUIRED, FAILING, STALE, DEGRADED] }
      orderBy: { field: HEALTH, direction: DESC }
    ) {
      edges {
        node {
          id
          name
          tenant {
            name
          }
          health {
            status
            since
            reasons {
              message
            }
          }
          failureGroups(
            first: 5
            filter: { status: [NEW, ONGOING, ESCALATING, ACKNOWLEDGED, REGRESSED] }
            orderBy: { field: URGENCY, direction: DESC }
          ) {
            edges {
              node {
                summary
                failureCount
                responsibleParty
                assignee {
                  name
                }
              }
            }
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

const people = {
  CUSTOMER: "the customer",
  SUPPORT: "support",
  ENGINEERING: "engineering",
  THIRD_PARTY: "the maker of the other system",
};

const trestle = new Trestle({ url, apiKey });
let count = 0;
for await (const { name, tenant, health, failureGroups } of trestle.nodes(NotWell, {}, "integrations")) {
  if (!health) continue;
  count += 1;
  console.log(`${health.status}  ${tenant.name} / ${name}, since ${health.since}`);
  for (const { message } of health.reasons) console.log(`  ${message}`);
  for (const { node: group } of failureGroups.edges) {
    const who = group.assignee
      ? `${group.assignee.name}, of ${people[group.responsibleParty]}`
      : people[group.responsibleParty];
    console.log(`  → ${who}: ${group.failureCount} × ${group.summary}`);
  }
}
console.log(count === 0 ? "all is well" : `not well: ${count}`);
process.exitCode = count === 0 ? 0 : 1;
