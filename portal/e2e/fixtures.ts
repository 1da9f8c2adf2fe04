import { test as base, expect, type APIRequestContext, type BrowserContext, type Page } from "@playwright/test";
import { scene } from "./scene";

export { expect } from "@playwright/test";

interface Fixtures {
  /** What a test makes happen on purpose, and may therefore be said. */
  expected: RegExp | null;
  /** Of every page: nothing breaks the policy, throws, complains, or asks for what the server refuses. */
  watched: undefined;
}

export const test = base.extend<Fixtures>({
  expected: [null, { option: true }],
  watched: [
    async ({ context, expected }, use) => {
      const complaints = await watch(context);
      await use(undefined);
      const unexpected = complaints.filter((complaint) => !expected?.test(complaint));
      expect([...new Set(unexpected)]).toEqual([]);
    },
    { auto: true },
  ],
});

async function watch(context: BrowserContext): Promise<string[]> {
  const complaints: string[] = [];
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
      console.error(`the policy is broken: ${violatedDirective} by ${blockedURI} at ${sourceFile}:${String(lineNumber)}`);
    });
  });
  context.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${message.page()?.url() ?? ""}: ${message.text()}`);
  });
  context.on("weberror", (error) => complaints.push(`${error.page()?.url() ?? ""}: ${error.error().message}`));
  context.on("response", (response) => {
    if (response.url() !== `${scene.url}/graphql`) return;
    if (!response.headers()["content-type"]?.includes("json")) return;
    response.json().then(
      (body: { errors?: { message: string; path?: (string | number)[] }[] }) => {
        for (const { message, path } of body.errors ?? []) {
          complaints.push(`${String(path?.filter((part) => typeof part === "string").join("."))}: ${message}, asked by ${operationOf(response.request().postData())}`);
        }
      },
      // The page was left before the answer was there.
      () => undefined,
    );
  });
  return complaints;
}

function operationOf(body: string | null): string {
  return /(?:query|mutation|subscription) (\w+)/.exec(body ?? "")?.[1] ?? "nobody knows what";
}

interface SignedIn {
  accessToken: string;
  refreshToken: string;
  viewer: { user: { id: string } };
}

/** What the API answers to somebody, by what they signed in with. */
export class Api {
  private constructor(
    private readonly request: APIRequestContext,
    readonly session: SignedIn,
  ) {}

  static async of(request: APIRequestContext, email: string): Promise<Api> {
    const { data } = await ask(request, null, {
      query: `mutation($input: SignInInput!) { signIn(input: $input) {
        accessToken refreshToken viewer { user { id } } userErrors { message } } }`,
      variables: { input: { email, password: scene.password } },
    });
    return new Api(request, (data as { signIn: SignedIn }).signIn);
  }

  async ask<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Answer<Data>> {
    return (await ask(this.request, this.session.accessToken, { query, variables })) as Answer<Data>;
  }
}

interface Answer<Data> {
  data: Data;
  errors?: { message: string; extensions: { code: string } }[];
}

async function ask(request: APIRequestContext, token: string | null, data: object): Promise<Answer<unknown>> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  return (await (await request.post(`${scene.url}/graphql`, { data, headers })).json()) as Answer<unknown>;
}

/** Has the browser be signed in as somebody, as if they had come before. */
export async function signIn(page: Page, email: string): Promise<Api> {
  const api = await Api.of(page.request, email);
  const { refreshToken, viewer } = api.session;
  await page.context().addInitScript(
    ([origin, kept]) => {
      // Once: from then on the portal renews it.
      if (location.origin !== origin || localStorage.getItem("e2e") !== null) return;
      localStorage.setItem("e2e", "signed in");
      localStorage.setItem("trestle.session", kept);
    },
    [scene.url, JSON.stringify({ refreshToken, userId: viewer.user.id })] as const,
  );
  return api;
}

/** Goes to a page and waits until what it shows is there. */
export async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await settled(page);
}

/** Its heading is there, and nothing is being loaded any more. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
}
