import { lazy } from "react";
import { Navigate, Route, Routes } from "react-router";
import { NotFound } from "@/ui";

const Connect = lazy(() => import("./Connect"));
const Failure = lazy(() => import("@/pages/failures/Failure"));
const FailureGroup = lazy(() => import("@/pages/groups/FailureGroup"));
const Failures = lazy(() => import("@/pages/failures/Failures"));
const Inbox = lazy(() => import("@/pages/inbox/Inbox"));
const Incident = lazy(() => import("@/pages/incidents/Incident"));
const Incidents = lazy(() => import("@/pages/incidents/Incidents"));
const Integration = lazy(() => import("@/pages/integrations/Integration"));
const Integrations = lazy(() => import("@/pages/integrations/Integrations"));
const Run = lazy(() => import("@/pages/runs/Run"));
const Runs = lazy(() => import("./Runs"));
const System = lazy(() => import("@/pages/systems/System"));

/** What a part begins with, and the pages that lead on from there: the portal's own. */
export function EmbeddedRoutes({ start }: { start: string }) {
  return (
    <Routes>
      <Route index element={<Navigate to={start} replace />} />
      <Route path="inbox" element={<Inbox />} />
      <Route path="integrations" element={<Integrations />} />
      <Route path="integrations/:id" element={<Integration />} />
      <Route path="runs" element={<Runs />} />
      <Route path="runs/:id" element={<Run />} />
      <Route path="failures" element={<Failures />} />
      <Route path="failures/:id" element={<Failure />} />
      <Route path="groups/:id" element={<FailureGroup />} />
      <Route path="incidents" element={<Incidents />} />
      <Route path="incidents/:id" element={<Incident />} />
      <Route path="systems/:id" element={<System />} />
      <Route path="connect/:id" element={<Connect />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
