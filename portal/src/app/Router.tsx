import { useLayoutEffect } from "react";
import { matchRoutes, NavigationType, Outlet, useLocation, useNavigationType, useRoutes, type RouteObject } from "react-router";
import { NotFound } from "@/ui";
import { page, type PageOfPortal } from "./page";
import { Waiting } from "./Waiting";

const signedIn = page(() => import("./SignedIn"));

/** For those who are not signed in. */
const open: Readonly<Record<string, PageOfPortal>> = {
  "sign-in": page(() => import("@/pages/sign-in/SignIn"), "sign-in"),
  "reset-password": page(() => import("@/pages/sign-in/ResetPassword"), "sign-in"),
  "accept-invitation": page(() => import("@/pages/sign-in/AcceptInvitation"), "sign-in"),
  "confirm-email": page(() => import("@/pages/sign-in/ConfirmEmail"), "sign-in"),
};

/** For those who are. */
const inside: Readonly<Record<string, PageOfPortal>> = {
  "/": page(() => import("@/pages/home/Home"), "home", "integrations"),
  inbox: page(() => import("@/pages/inbox/Inbox"), "inbox", "failures", "actions"),
  integrations: page(() => import("@/pages/integrations/Integrations"), "integrations"),
  "integrations/new": page(() => import("@/pages/integrations/new/NewIntegration"), "new-integration", "tenants"),
  "integrations/:id": page(() => import("@/pages/integrations/Integration"), "integrations", "actions"),
  "runs/:id": page(() => import("@/pages/runs/Run"), "runs"),
  failures: page(() => import("@/pages/failures/Failures"), "failures", "actions"),
  "failures/:id": page(() => import("@/pages/failures/Failure"), "failures", "actions"),
  "groups/:id": page(() => import("@/pages/groups/FailureGroup"), "groups", "failures", "actions"),
  systems: page(() => import("@/pages/systems/Systems"), "systems"),
  "systems/new": page(() => import("@/pages/systems/NewSystem"), "systems", "connectors", "tenants"),
  "systems/:id": page(() => import("@/pages/systems/System"), "systems", "actions"),
  notices: page(() => import("@/pages/notices/Notices"), "notices"),
  audit: page(() => import("@/pages/audit/Audit"), "audit", "exports"),
  "exports-list": page(() => import("@/pages/exports/Exports"), "exports"),
  settings: page(() => import("@/pages/settings/Settings"), "settings"),
  people: page(() => import("@/pages/people/People"), "people"),
  contacts: page(() => import("@/pages/contacts/Contacts"), "contacts", "escalations"),
  keys: page(() => import("@/pages/keys/Keys"), "keys"),
  tenants: page(() => import("@/pages/tenants/Tenants"), "tenants"),
  "tenants/:id": page(() => import("@/pages/tenants/Tenant"), "tenants", "people"),
  incidents: page(() => import("@/pages/incidents/Incidents"), "incidents"),
  "incidents/:id": page(() => import("@/pages/incidents/Incident"), "incidents"),
  escalations: page(() => import("@/pages/escalations/Escalations"), "escalations"),
  runbooks: page(() => import("@/pages/runbooks/Runbooks"), "runbooks"),
  "runbooks/new": page(() => import("@/pages/runbooks/NewRunbook"), "runbooks"),
  "runbooks/:id": page(() => import("@/pages/runbooks/Runbook"), "runbooks"),
  words: page(() => import("@/pages/words/Words"), "words"),
  logs: page(() => import("@/pages/logs/Logs"), "logs"),
  "kill-switches": page(() => import("@/pages/kill-switches/KillSwitches"), "kill-switches"),
  connectors: page(() => import("@/pages/connectors/Connectors"), "connectors"),
  operations: page(() => import("@/pages/operations/Operations"), "operations", "tenants"),
  "open/:id": page(() => import("@/pages/open/Open")),
};

const routes: RouteObject[] = [
  {
    element: <Bare />,
    children: [
      ...routesTo(open),
      { element: signedIn.element, handle: signedIn, children: [...routesTo(inside), { path: "*", element: <NotFound /> }] },
    ],
  },
];

function routesTo(pages: Readonly<Record<string, PageOfPortal>>): RouteObject[] {
  return Object.entries(pages).map(([path, of]) => ({ path, element: of.element, handle: of }));
}

/** Every address of the portal; each page is loaded when it is first gone to. */
export function Router() {
  useScrollToTop();
  return useRoutes(routes);
}

/** Loads what an address shows, while nothing can be shown yet. Who is not signed in is about to sign in. */
export async function loadAhead(pathname: string, isSignedIn: boolean): Promise<void> {
  const matches = matchRoutes(routes, pathname) ?? [];
  const needsSession = matches.some(({ route }) => route.handle === signedIn);
  const shown = needsSession && !isSignedIn ? (matchRoutes(routes, "/sign-in") ?? []) : matches;
  await Promise.all(shown.map(async ({ route }) => (route.handle as PageOfPortal | undefined)?.loadAhead()));
}

function Bare() {
  return (
    <Waiting>
      <Outlet />
    </Waiting>
  );
}

/** A page that one goes to begins at its top; going back, the browser restores where one was. */
function useScrollToTop(): void {
  const { pathname } = useLocation();
  const isBack = useNavigationType() === NavigationType.Pop;
  useLayoutEffect(() => {
    if (!isBack) window.scrollTo(0, 0);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- another page, not another way to the same
  }, [pathname]);
}
