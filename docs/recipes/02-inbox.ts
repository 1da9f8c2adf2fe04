// What a customer has to act on, the most urgent first, in their language.
import { Trestle } from "@trestle/client";

import { graphql } from "./generated/gql.js";

const {
  TRESTLE_URL: url = "http://127.0.0.1:8080",
  TRESTLE_TOKEN: token,
  PORTAL_LANGUAGE: language = "en",
} = process.env;
if (!token) throw new Error("Set TRESTLE_TOKEN: the token of a portal session, or an API key.");

const CustomerInbox = graphql(`
  query CustomerInbox($after: String) {
    inbox(first: 50, after: $after) {
      edges {
        node {
          impact
          failureCount
          summary
          suggestedAction
          lastSeenAt
          integration {
            name
          }
          failures(first: 3, filter: { status: [OPEN] }) {
            edges {
              node {
                businessReference
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

const trestle = new Trestle({ url, token, language });

const { critical, high, medium, low } = await trestle.inboxCounts();
console.log(
  `To do: ${critical + high + medium + low} (${critical} critical, ${high} high, ${medium} medium, ${low} low)`,
);

for await (const group of trestle.nodes(CustomerInbox, {}, "inbox")) {
  const references = group.failures.edges.map(({ node }) => node.businessReference).filter((name) => name !== null);
  console.log();
  console.log(`${group.impact}  ${group.integration.name}: ${group.failureCount} × ${group.summary}`);
  console.log(`  What to do: ${group.suggestedAction}`);
  if (references.length > 0) console.log(`  For example: ${references.join(", ")}`);
  console.log(`  Last: ${new Date(group.lastSeenAt).toLocaleString(language, { timeZone: "UTC" })} UTC`);
}
