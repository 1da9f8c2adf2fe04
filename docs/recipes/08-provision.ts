// Sets a new customer up from a template: the tenant, its systems, an integration. Run again, it mends what differs.
import { isDeepStrictEqual } from "node:util";

import { PersonSession, Trestle, UserErrors } from "@trestle/client";

import { graphql } from "./generated/gql.js";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_EMAIL: email, TRESTLE_PASSWORD: password } = process.env;
const [slug, name] = process.argv.slice(2);
if (!email || !password || !slug || !name) {
  throw new Error("Set TRESTLE_EMAIL and TRESTLE_PASSWORD, and say: 08-provision.js SLUG NAME");
}

/** Count `version` up with each change: integrations that are older are brought up to date. */
const template = {
  version: 1,
  systems: [
    { name: "Order files", connector: "file", config: {} },
    { name: "Shop", connector: "sqlite", config: { path: "shop.db" } },
  ],
  integration: {
    name: "Orders",
    source: "Order files",
    destination: "Shop",
    schedule: { cron: "30 5 * * *", timeZone: "Europe/Berlin" },
    streams: [
      {
        name: "orders",
        keyFields: ["number"],
        source: { path: "in/orders-*.csv", allowEmpty: true },
        destination: { table: "orders", createTable: true },
        mapping: ".amount = to_float!(.amount)",
        recordSchema: { required: ["number", "email"], properties: { amount: { minimum: 0 } } },
      },
    ],
  },
};

const TenantBySlug = graphql(`
  query TenantBySlug($slug: String!) {
    tenant(slug: $slug) {
      id
    }
  }
`);

const CreateTenant = graphql(`
  mutation CreateTenant($input: CreateTenantInput!) {
    createTenant(input: $input) {
      tenant {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const Systems = graphql(`
  query Systems($tenantId: ID!, $after: String) {
    systems(filter: { tenantId: $tenantId }, first: 100, after: $after) {
      edges {
        node {
          id
          name
          config
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const CreateSystem = graphql(`
  mutation CreateSystem($input: CreateSystemInput!) {
    createSystem(input: $input) {
      system {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const UpdateSystem = graphql(`
  mutation UpdateSystem($input: UpdateSystemInput!) {
    updateSystem(input: $input) {
      system {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const Integrations = graphql(`
  query Integrations($tenantId: ID!, $after: String) {
    integrations(filter: { tenantId: $tenantId }, first: 100, after: $after) {
      edges {
        node {
          id
          name
          description
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const CreateIntegration = graphql(`
  mutation CreateIntegration($input: CreateIntegrationInput!) {
    createIntegration(input: $input) {
      integration {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const UpdateIntegration = graphql(`
  mutation UpdateIntegration($input: UpdateIntegrationInput!) {
    updateIntegration(input: $input) {
      integration {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

// Only a platform administrator makes tenants, and that is a person.
const session = new PersonSession({ url, email, password });
const trestle = new Trestle({ url, tokenProvider: session.tokenProvider });

/** Names are unique: who makes the same twice, or at the same time as another, is refused, and takes what is there. */
async function made<T>(what: string, find: () => Promise<T | undefined>, make: () => Promise<unknown>): Promise<T> {
  const there = await find();
  if (there !== undefined) return there;
  try {
    await make();
    console.log(`${what}: made`);
  } catch (error) {
    if (!(error instanceof UserErrors && error.has("CONFLICT"))) throw error;
  }
  const found = await find();
  if (found === undefined) throw new Error(`${what}: was made, and is not there`);
  return found;
}

const tenant = await made(
  `tenant ${slug}`,
  async () => (await trestle.query(TenantBySlug, { slug })).tenant ?? undefined,
  () => trestle.mutate(CreateTenant, { input: { slug, name } }),
);
const tenantId = tenant.id;

const ids = new Map<string, string>();
for (const wanted of template.systems) {
  const system = await made(
    `system ${wanted.name}`,
    async () => {
      for await (const one of trestle.nodes(Systems, { tenantId }, "systems")) if (one.name === wanted.name) return one;
      return undefined;
    },
    () => trestle.mutate(CreateSystem, { input: { tenantId, ...wanted } }),
  );
  ids.set(wanted.name, system.id);
  if (!isDeepStrictEqual(system.config, wanted.config)) {
    const input = { systemId: system.id, config: wanted.config };
    await trestle.mutate(UpdateSystem, { input }, { isRepeatable: true });
    console.log(`system ${wanted.name}: mended`);
  }
}

const { source, destination, ...settings } = template.integration;
const [sourceId, destinationId] = [ids.get(source), ids.get(destination)];
if (!sourceId || !destinationId) throw new Error("The template names systems that it does not have.");
const wanted = { ...settings, sourceId, destinationId, description: `From the template, version ${template.version}` };
const integration = await made(
  `integration ${wanted.name}`,
  async () => {
    const all = trestle.nodes(Integrations, { tenantId }, "integrations");
    for await (const one of all) if (one.name === wanted.name) return one;
    return undefined;
  },
  () => trestle.mutate(CreateIntegration, { input: { tenantId, ...wanted } }),
);
if (integration.description !== wanted.description) {
  const input = { integrationId: integration.id, ...wanted };
  await trestle.mutate(UpdateIntegration, { input }, { isRepeatable: true });
  console.log(`integration ${wanted.name}: mended`);
}
console.log(`${slug} is as the template says: ${integration.id}`);
await session.signOut();
