// Receives notices: whether one is from Trestle, and whether it is known already. At the first start it has itself told.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { type NoticeEvent, Trestle, verifyWebhook, WebhookRefused } from "@trestle/client";

import { graphql } from "./generated/gql.js";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey, TENANT_ID: tenantId } = process.env;
const { NOTICE_SECRET: secret, PORT = "3000", PUBLIC_URL } = process.env;
if (!apiKey || !tenantId || !secret) throw new Error("Set TRESTLE_API_KEY, TENANT_ID and NOTICE_SECRET (whsec_…).");

const BODY_BYTES_MAX = 1_048_576;
/** Notices come at least once. Yours are in a table with a unique key, filled in the transaction that acts on them. */
const known = new Set<string>();

const server = createServer(async (request, response) => {
  try {
    const notice = verifyWebhook(await bodyOf(request), request.headers, secret);
    if (!known.has(notice.data.noticeId)) {
      known.add(notice.data.noticeId);
      act(notice);
    }
    // Anything but 2xx is asked again: after 5 s, 5 min, 30 min, … up to a day.
    response.writeHead(204).end();
  } catch (error) {
    if (!(error instanceof WebhookRefused)) console.error(error);
    response.writeHead(error instanceof WebhookRefused ? 400 : 500).end();
  }
});

function act(notice: NoticeEvent): void {
  switch (notice.type) {
    case "notice.tested":
      console.log("a test has arrived");
      break;
    case "notice.digested":
      for (const item of notice.data.items) console.log(`${item.type}: ${item.title}`);
      if (notice.data.moreCount > 0) console.log(`and ${notice.data.moreCount} more`);
      break;
    default:
      console.log(`${notice.type}: ${notice.data.title}`);
      console.log(`  ${notice.data.summary}`);
      if (notice.data.actsNext) console.log(`  ${notice.data.actsNext} next: ${notice.data.action ?? ""}`);
  }
}

/** The bytes as they came: what is parsed and written again has another signature. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("A body is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const Channels = graphql(`
  query Channels($tenantId: ID!, $after: String) {
    noticeChannels(filter: { tenantId: $tenantId }, first: 100, after: $after) {
      edges {
        node {
          id
          url
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const CreateChannel = graphql(`
  mutation CreateChannel($input: CreateNoticeChannelInput!) {
    createNoticeChannel(input: $input) {
      noticeChannel {
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

const CreatePolicy = graphql(`
  mutation CreatePolicy($input: CreateNoticePolicyInput!) {
    createNoticePolicy(input: $input) {
      noticePolicy {
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

const TestChannel = graphql(`
  mutation TestChannel($input: TestNoticeChannelInput!) {
    testNoticeChannel(input: $input) {
      delivered
      message
      userErrors {
        code
        field
        message
      }
    }
  }
`);

await new Promise<void>((resolve) => server.listen(Number(PORT), "127.0.0.1", resolve));
const here = PUBLIC_URL ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}/notices`;
const trestle = new Trestle({ url, apiKey });

let channelId: string | undefined;
for await (const channel of trestle.nodes(Channels, { tenantId }, "noticeChannels")) {
  if (channel.url === here) channelId = channel.id;
}
if (!channelId) {
  const channel = { tenantId, name: "Our backend", kind: "WEBHOOK" as const, url: here, secret };
  channelId = (await trestle.mutate(CreateChannel, { input: channel })).createNoticeChannel.noticeChannel.id;
  const policy = { tenantId, name: "Everything, to our backend", channelIds: [channelId] };
  await trestle.mutate(CreatePolicy, { input: policy });
}
const { testNoticeChannel } = await trestle.mutate(TestChannel, { input: { channelId } });
console.log(testNoticeChannel.message);
process.on("SIGTERM", () => server.close());
