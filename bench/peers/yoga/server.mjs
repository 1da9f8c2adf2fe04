// GraphQL Yoga with Prisma, two processes behind one port, as their documentations say. Arguments: the database, the
// secret of the tokens, how many processes.
import { createServer } from "node:http";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";
import { GraphQLError, GraphQLScalarType } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import jwt from "jsonwebtoken";
import { serveInProcesses } from "./processes.mjs";

const [database, secret, processes] = process.argv.slice(2);
// Twenty connections of all processes together.
const connections = Math.floor(20 / Number(processes));

const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar BigInt
  type Query { runs(first: Int!): [Run!]! }
  type Run {
    id: ID!
    status: String!
    startedAt: DateTime
    finishedAt: DateTime
    counts: Counts!
    integration: Integration!
    failures(first: Int! = 5): [Failure!]!
  }
  type Counts { read: BigInt! created: BigInt! updated: BigInt! unchanged: BigInt! skipped: BigInt! failed: BigInt! }
  type Integration { id: ID! name: String! }
  type Failure { id: ID! category: String! summary: String! }
`;

function serve() {
  const prisma = new PrismaClient({
    adapter: new PrismaPg({ connectionString: database, max: connections }, { schema: "portal" }),
  });
  const resolvers = {
    DateTime: new GraphQLScalarType({ name: "DateTime", serialize: (value) => value.toISOString() }),
    BigInt: new GraphQLScalarType({ name: "BigInt", serialize: (value) => value.toString() }),
    Query: {
      runs: (_root, { first }, { tenantId }) =>
        prisma.run.findMany({
          where: { tenantId },
          orderBy: { id: "desc" },
          take: first,
          include: { integration: true, failures: { orderBy: { id: "desc" }, take: 5 } },
        }),
    },
    Run: {
      counts: (run) => ({
        read: run.readCount,
        created: run.createdCount,
        updated: run.updatedCount,
        unchanged: run.unchangedCount,
        skipped: run.skippedCount,
        failed: run.failedCount,
      }),
      failures: (run, { first }) => run.failures.slice(0, first),
    },
  };
  const yoga = createYoga({
    schema: createSchema({ typeDefs, resolvers }),
    logging: false,
    graphiql: false,
    landingPage: false,
    cors: false,
    context: ({ request }) => {
      try {
        const token = (request.headers.get("authorization") ?? "").replace("Bearer ", "");
        const claims = jwt.verify(token, secret, { algorithms: ["HS256"], audience: "portal" });
        if (claims.role === "portal") return { tenantId: claims.tenant_id };
      } catch {
        // Refused below.
      }
      throw new GraphQLError("who asks?", { extensions: { http: { status: 401 } } });
    },
  });
  return createServer(yoga);
}

await serveInProcesses(Number(processes), serve);
