import { Client, stringifyDocument, type AnyVariables, type Operation, type OperationResult } from "@urql/core";
import { render } from "@testing-library/react";
import { Suspense, type ReactElement } from "react";
import { MemoryRouter, Route, Routes } from "react-router";
import { Provider } from "urql";
import { filter, map, pipe } from "wonka";
import { TenantScopeProvider } from "@/app/session/TenantScopeProvider";
import { ViewerContext, type Permission, type Viewer } from "@/app/session/viewer";
import { ViewAsProvider } from "@/app/session/ViewAsProvider";
import { Toasts } from "@/ui/Toasts";

interface Options {
  /** The address; with `route` also what its parameters are. */
  at?: string;
  route?: string;
  viewer?: Partial<Viewer>;
  permissions?: readonly Permission[];
  /** Answers by the operation's name: data, or a function of the variables. */
  answers?: Record<string, unknown>;
}

const member: Viewer = {
  role: "TENANT_MEMBER",
  audience: "CUSTOMER",
  locale: "en",
  permissions: [],
  secondFactor: false,
  secondFactorRequired: false,
  tenant: { id: "ten_1", name: "Acme Stores", slug: "acme", status: "ACTIVE", statusReason: null },
  user: { id: "usr_1", name: "Ann", email: "ann@acme.example" },
};

/** Renders a page as somebody, with a server that answers what the test says. `asked` has the operations in their order. */
export function renderPage(page: ReactElement, { at = "/", route = "*", viewer, permissions = [], answers = {} }: Options = {}) {
  const asked: { name: string; variables: AnyVariables }[] = [];
  const client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    exchanges: [
      () => (operations) =>
        pipe(
          operations,
          filter((operation) => operation.kind !== "teardown" && operation.kind !== "subscription"),
          map((operation): OperationResult => {
            const name = nameOf(operation);
            asked.push({ name, variables: operation.variables });
            const answer = answers[name];
            if (answer === undefined) throw new Error(`the test has no answer to ${name}`);
            const data: unknown = typeof answer === "function" ? (answer as (v: AnyVariables) => unknown)(operation.variables) : answer;
            return { operation, data, error: undefined, extensions: undefined, stale: false, hasNext: false };
          }),
        ),
    ],
  });
  const shown = render(
    <Provider value={client}>
      <ViewerContext value={{ ...member, permissions: [...permissions], ...viewer }}>
        <MemoryRouter initialEntries={[at]}>
          <ViewAsProvider>
            <TenantScopeProvider>
              <Suspense fallback="…">
                <Routes>
                  <Route path={route} element={page} />
                  <Route path="*" element={<p>elsewhere</p>} />
                </Routes>
              </Suspense>
            </TenantScopeProvider>
          </ViewAsProvider>
          <Toasts />
        </MemoryRouter>
      </ViewerContext>
    </Provider>,
  );
  return { ...shown, asked };
}

/** The name after `query` or `mutation`. */
function nameOf({ query }: Operation): string {
  return /^\s*(?:query|mutation)\s+(\w+)/.exec(stringifyDocument(query))?.[1] ?? "";
}
