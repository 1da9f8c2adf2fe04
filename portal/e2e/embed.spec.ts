import { expectAccessible } from "./axe";
import { Api, expect, settled, test } from "./fixtures";
import { hostOrigin, serveHostPage } from "./hostPage";
import { scene } from "./scene";

// One page of another origin at a time: it has one port.
test.describe.configure({ mode: "serial" });

const scopes = ["integrations:read", "runs:read", "failures:read", "failures:retry", "failure_groups:manage", "systems:read", "incidents:read"];

interface PortalSession {
  token: string;
  portalSession: { id: string };
}

async function portalSession(api: Api): Promise<PortalSession> {
  const { data } = await api.ask<{ createPortalSession: PortalSession }>(
    `mutation ($input: CreatePortalSessionInput!) { createPortalSession(input: $input) { token portalSession { id } userErrors { message } } }`,
    { input: { tenantId: scene.tenant, endUser: "mia@shop.example", scopes, ttlSeconds: 600 } },
  );
  return data.createPortalSession;
}

async function portalToken(api: Api): Promise<string> {
  return (await portalSession(api)).token;
}

test("an element works in a page of another origin that allows nothing inline", async ({ page, request }) => {
  const api = await Api.of(request, scene.people.TENANT_ADMIN);
  const token = await portalToken(api);
  const server = await serveHostPage({
    body: `<trestle-failure-inbox theme="light"></trestle-failure-inbox><output id="asked">0</output>`,
    script: `
      const inbox = document.querySelector("trestle-failure-inbox");
      const asked = document.getElementById("asked");
      // Set before the script of the elements is there.
      inbox.renewToken = async () => { asked.value = String(Number(asked.value) + 1); return ${JSON.stringify(token)}; };
      import("${scene.url}/elements.js");`,
  });
  try {
    await page.goto(hostOrigin);
    const inbox = page.locator("trestle-failure-inbox");
    await expect(inbox.getByRole("heading", { level: 2, name: "Inbox" })).toBeVisible();
    await expect(page.locator("#asked")).toHaveText("1");
    await expect(page).toHaveTitle("Shop");

    await test.step("it looks as it does everywhere, but for what the page says by variables", async () => {
      const heading = inbox.getByRole("heading", { level: 2, name: "Inbox" });
      await expect(heading).toHaveCSS("color", "rgb(1, 2, 3)");
      await expect(heading).not.toHaveCSS("font-size", "40px");
    });

    await test.step("no violation of WCAG 2.2 AA", () => expectAccessible(page, "trestle-failure-inbox"));

    await test.step("a failure's page opens within it, and a button leads back", async () => {
      await inbox.getByRole("listitem").first().getByRole("heading").getByRole("link").click();
      await expect(page).toHaveURL(`${hostOrigin}/`);
      await inbox.getByRole("button", { name: "Back" }).click();
      await expect(inbox.getByRole("heading", { level: 2, name: "Inbox" })).toBeVisible();
    });

    await test.step("nothing is kept in the browser", async () => {
      expect(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])).toEqual([0, 0, ""]);
    });
  } finally {
    server.close();
  }
});

test("without a function an element asks by an event, and goes on with the token that is set", async ({ page, request }) => {
  const token = await portalToken(await Api.of(request, scene.people.TENANT_ADMIN));
  const server = await serveHostPage({
    body: `<trestle-integrations language="de"></trestle-integrations>`,
    script: `
      document.addEventListener("trestle-token-expired", ({ target }) => { target.token = ${JSON.stringify(token)}; });
      import("${scene.url}/elements.js");`,
  });
  try {
    await page.goto(hostOrigin);
    await expect(page.locator("trestle-integrations").getByRole("heading", { level: 2, name: "Integrationen" })).toBeVisible();
  } finally {
    server.close();
  }
});

test("a frame asks the page around for its token, and tells how high it is", async ({ page, request }) => {
  const token = await portalToken(await Api.of(request, scene.people.TENANT_ADMIN));
  const server = await serveHostPage({
    body: `<iframe title="Runs" src="${scene.url}/embed/runs?language=en" width="600" height="100"></iframe>`,
    script: `
      const frame = document.querySelector("iframe");
      addEventListener("message", ({ origin, source, data }) => {
        if (origin !== ${JSON.stringify(scene.url)} || source !== frame.contentWindow) return;
        if (data.type === "token-expired") source.postMessage({ source: "trestle", type: "token", token: ${JSON.stringify(token)} }, origin);
        if (data.type === "height") frame.height = data.height;
      });`,
  });
  try {
    await page.goto(hostOrigin);
    const frame = page.frameLocator("iframe");
    await expect(frame.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
    await expect.poll(async () => (await page.locator("iframe").boundingBox())?.height ?? 0).toBeGreaterThan(150);
  } finally {
    server.close();
  }
});

test("a page by link takes its token out of the address", async ({ page, request }) => {
  const token = await portalToken(await Api.of(request, scene.people.TENANT_ADMIN));
  await page.goto(`/embed/integrations#token=${token}`);
  await expect(page.getByRole("heading", { level: 1, name: "Integrations" })).toBeVisible();
  expect(page.url()).toBe(`${scene.url}/embed/integrations`);
});

test("no violation of WCAG 2.2 AA, light and dark, in pages by link", async ({ page, request }) => {
  const token = await portalToken(await Api.of(request, scene.people.TENANT_ADMIN));
  for (const part of ["inbox", "integrations", "runs", `failures/${scene.own.failure}`, `groups/${scene.own.group}`, `integrations/${scene.own.integration}`]) {
    // Another hash would not load the page anew.
    await page.goto("about:blank");
    await page.goto(`/embed/${part}#token=${token}`);
    await settled(page);
    await expectAccessible(page, `/embed/${part}`);
  }
});

test.describe("when a token ends", () => {
  test.use({ expected: /401|token/ });

  test("an element gets another one by its function, and goes on", async ({ page, request }) => {
    const api = await Api.of(request, scene.people.TENANT_ADMIN);
    const [first, second] = [await portalSession(api), await portalSession(api)];
    const server = await serveHostPage({
      body: `<trestle-failure-inbox></trestle-failure-inbox>`,
      script: `
        const tokens = ${JSON.stringify([first.token, second.token])};
        document.querySelector("trestle-failure-inbox").renewToken = async () => tokens.shift();
        import("${scene.url}/elements.js");`,
    });
    try {
      await page.goto(hostOrigin);
      const inbox = page.locator("trestle-failure-inbox");
      await inbox.getByRole("listitem").first().getByRole("heading").getByRole("link").click();
      const failures = inbox.getByRole("table").getByRole("rowheader").getByRole("link");
      await expect(failures.first()).toBeVisible();
      const input = { portalSessionId: first.portalSession.id };
      await api.ask("mutation ($input: EndPortalSessionInput!) { endPortalSession(input: $input) { userErrors { message } } }", { input });
      await failures.first().click();
      await expect(inbox.getByText("You are no longer signed in")).toHaveCount(0);
      await expect(inbox.getByRole("button", { name: "Retry", exact: true })).toBeVisible();
    } finally {
      server.close();
    }
  });
});

test.describe("an origin that is not allowed", () => {
  test.use({ expected: /frame-ancestors|chrome-error/ });

  test("shows no part in a frame", async ({ page, request }) => {
    const token = await portalToken(await Api.of(request, scene.people.TENANT_ADMIN));
    const server = await serveHostPage({ body: `<iframe title="Inbox" src="${scene.url}/embed/inbox#token=${token}"></iframe>`, script: "" });
    try {
      await page.goto(hostOrigin.replace("127.0.0.1", "localhost"));
      await expect(page.getByRole("heading", { name: "Shop" })).toBeVisible();
      await expect.poll(() => page.frames()[1]?.url()).toContain("chrome-error");
    } finally {
      server.close();
    }
  });
});
