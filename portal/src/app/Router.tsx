import { lazy, useLayoutEffect } from "react";
import { NavigationType, Outlet, Route, Routes, useLocation, useNavigationType } from "react-router";
import { NotFound } from "@/ui";
import { Waiting } from "./Waiting";

const SignedIn = lazy(() => import("./SignedIn"));
const AcceptInvitation = lazy(() => import("@/pages/sign-in/AcceptInvitation"));
const ConfirmEmail = lazy(() => import("@/pages/sign-in/ConfirmEmail"));
const ResetPassword = lazy(() => import("@/pages/sign-in/ResetPassword"));
const SignIn = lazy(() => import("@/pages/sign-in/SignIn"));

const Audit = lazy(() => import("@/pages/audit/Audit"));
const Contacts = lazy(() => import("@/pages/contacts/Contacts"));
const Connectors = lazy(() => import("@/pages/connectors/Connectors"));
const Escalations = lazy(() => import("@/pages/escalations/Escalations"));
const Exports = lazy(() => import("@/pages/exports/Exports"));
const Failure = lazy(() => import("@/pages/failures/Failure"));
const FailureGroup = lazy(() => import("@/pages/groups/FailureGroup"));
const Failures = lazy(() => import("@/pages/failures/Failures"));
const Home = lazy(() => import("@/pages/home/Home"));
const Inbox = lazy(() => import("@/pages/inbox/Inbox"));
const Incident = lazy(() => import("@/pages/incidents/Incident"));
const Incidents = lazy(() => import("@/pages/incidents/Incidents"));
const Integration = lazy(() => import("@/pages/integrations/Integration"));
const Integrations = lazy(() => import("@/pages/integrations/Integrations"));
const Keys = lazy(() => import("@/pages/keys/Keys"));
const KillSwitches = lazy(() => import("@/pages/kill-switches/KillSwitches"));
const Logs = lazy(() => import("@/pages/logs/Logs"));
const NewIntegration = lazy(() => import("@/pages/integrations/new/NewIntegration"));
const NewSystem = lazy(() => import("@/pages/systems/NewSystem"));
const NewRunbook = lazy(() => import("@/pages/runbooks/NewRunbook"));
const Notices = lazy(() => import("@/pages/notices/Notices"));
const Open = lazy(() => import("@/pages/open/Open"));
const Operations = lazy(() => import("@/pages/operations/Operations"));
const People = lazy(() => import("@/pages/people/People"));
const Run = lazy(() => import("@/pages/runs/Run"));
const Runbook = lazy(() => import("@/pages/runbooks/Runbook"));
const Runbooks = lazy(() => import("@/pages/runbooks/Runbooks"));
const Settings = lazy(() => import("@/pages/settings/Settings"));
const System = lazy(() => import("@/pages/systems/System"));
const Systems = lazy(() => import("@/pages/systems/Systems"));
const Tenant = lazy(() => import("@/pages/tenants/Tenant"));
const Tenants = lazy(() => import("@/pages/tenants/Tenants"));
const Words = lazy(() => import("@/pages/words/Words"));

/** Every address of the portal; each page is loaded when it is first gone to. */
export function Router() {
  useScrollToTop();
  return (
    <Routes>
      <Route element={<Bare />}>
        <Route path="sign-in" element={<SignIn />} />
        <Route path="reset-password" element={<ResetPassword />} />
        <Route path="accept-invitation" element={<AcceptInvitation />} />
        <Route path="confirm-email" element={<ConfirmEmail />} />
        <Route element={<SignedIn />}>
          <Route index element={<Home />} />
          <Route path="inbox" element={<Inbox />} />
          <Route path="integrations" element={<Integrations />} />
          <Route path="integrations/new" element={<NewIntegration />} />
          <Route path="integrations/:id" element={<Integration />} />
          <Route path="runs/:id" element={<Run />} />
          <Route path="failures" element={<Failures />} />
          <Route path="failures/:id" element={<Failure />} />
          <Route path="groups/:id" element={<FailureGroup />} />
          <Route path="systems" element={<Systems />} />
          <Route path="systems/new" element={<NewSystem />} />
          <Route path="systems/:id" element={<System />} />
          <Route path="notices" element={<Notices />} />
          <Route path="audit" element={<Audit />} />
          <Route path="exports-list" element={<Exports />} />
          <Route path="settings" element={<Settings />} />
          <Route path="people" element={<People />} />
          <Route path="contacts" element={<Contacts />} />
          <Route path="keys" element={<Keys />} />
          <Route path="tenants" element={<Tenants />} />
          <Route path="tenants/:id" element={<Tenant />} />
          <Route path="incidents" element={<Incidents />} />
          <Route path="incidents/:id" element={<Incident />} />
          <Route path="escalations" element={<Escalations />} />
          <Route path="runbooks" element={<Runbooks />} />
          <Route path="runbooks/new" element={<NewRunbook />} />
          <Route path="runbooks/:id" element={<Runbook />} />
          <Route path="words" element={<Words />} />
          <Route path="logs" element={<Logs />} />
          <Route path="kill-switches" element={<KillSwitches />} />
          <Route path="connectors" element={<Connectors />} />
          <Route path="operations" element={<Operations />} />
          <Route path="open/:id" element={<Open />} />
          <Route path="*" element={<NotFound />} />
        </Route>
      </Route>
    </Routes>
  );
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
