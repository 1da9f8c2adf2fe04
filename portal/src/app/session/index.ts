export { useSession } from "./SessionProvider";
export { useTenantScope } from "./tenantScope";
export { useIsStaff, usePermission, useViewer, type Permission, type Viewer } from "./viewer";
export { useViewAs, VIEW_AS } from "./viewAs";
