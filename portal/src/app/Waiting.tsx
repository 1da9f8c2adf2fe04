import { Suspense, type ReactNode } from "react";
import { useLocation } from "react-router";
import { Skeleton } from "@/ui";
import { ErrorBoundary } from "./ErrorBoundary";

/** Waits for a page's code and texts, and catches what it throws. */
export function Waiting({ children }: { children: ReactNode }) {
  const { pathname } = useLocation();
  return (
    <ErrorBoundary of={pathname}>
      <Suspense fallback={<Skeleton lines={6} />}>{children}</Suspense>
    </ErrorBoundary>
  );
}
