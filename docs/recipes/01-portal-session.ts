// The backend of a portal gives its page a token for the customer who is signed in there, and the page asks with it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { Trestle } from "@trestle/client";

import { graphql } from "./generated/gql.js";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey, TENANT_ID, PORT = "3000" } = process.env;
if (!apiKey || !TENANT_ID) throw new Error("Set TRESTLE_API_KEY and TENANT_ID.");

const EndSessions = graphql(`
  mutation EndSessions($input: EndPortalSessionsInput!) {
    endPortalSessions(input: $input) {
      endedCount
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const Who = graphql(`
  query Who {
    viewer {
      role
      permissions
      expiresAt
      tenant {
        name
      }
    }
  }
`);

// ---- The backend. Its key never reaches a browser.

const backend = new Trestle({ url, apiKey });

/** Yours looks into the sessions of your portal. */
function signedIn(cookie: string | undefined): { name: string; tenantId: string } | undefined {
  return cookie === "portal-session=mia" ? { name: "Mia Keller", tenantId: String(TENANT_ID) } : undefined;
}

const server = createServer(async (request, response) => {
  const user = signedIn(request.headers.cookie);
  if (request.method !== "POST" || !user) {
    response.writeHead(user ? 405 : 401).end();
    return;
  }
  try {
    if (request.url === "/trestle-token") {
      const { token, expiresAt } = await backend.createPortalSession({
        tenantId: user.tenantId,
        endUser: user.name,
        scopes: ["failures:read", "failures:retry", "runs:start"],
        ttlSeconds: 900,
      });
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify({ token, expiresAt }));
    } else if (request.url === "/sign-out") {
      const input = { tenantId: user.tenantId, endUser: user.name };
      await backend.mutate(EndSessions, { input }, { isRepeatable: true });
      response.writeHead(204).end();
    } else {
      response.writeHead(404).end();
    }
  } catch (error) {
    console.error("no token could be given:", error);
    response.writeHead(502).end();
  }
});
await new Promise<void>((resolve) => server.listen(Number(PORT), "127.0.0.1", resolve));
const portal = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

// ---- The page. In a browser the cookie is sent by itself.

const headers = { cookie: "portal-session=mia" };
const page = new Trestle({
  url,
  // Asked at first, and again when the token has ended.
  tokenProvider: async () => {
    const response = await fetch(`${portal}/trestle-token`, { method: "POST", headers });
    if (!response.ok) throw new Error("Please sign in to the portal again.");
    return ((await response.json()) as { token: string }).token;
  },
});
const { viewer } = await page.query(Who);
console.log(`${viewer.role} of ${viewer.tenant?.name} may ${viewer.permissions.join(", ")}`);
const minutes = (Date.parse(viewer.expiresAt ?? "") - Date.now()) / 60_000;
console.log(`for ${Math.round(minutes)} minutes, and then with another token`);

// Who signs out of the portal is out of Trestle, too.
await fetch(`${portal}/sign-out`, { method: "POST", headers });
console.log("signed out");
server.close();
