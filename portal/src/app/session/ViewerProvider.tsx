import type { ReactNode } from "react";
import { useQuery } from "urql";
import { problemOf } from "@/api";
import { ProblemBanner, Skeleton } from "@/ui";
import { VIEWER, ViewerContext } from "./viewer";

/** Finds out who asks, before anything below is shown. */
export function ViewerProvider({ children }: { children: ReactNode }) {
  const [{ data, error }, execute] = useQuery({ query: VIEWER });
  if (data) return <ViewerContext value={data.viewer}>{children}</ViewerContext>;
  if (error) {
    return <ProblemBanner problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  }
  return <Skeleton lines={6} />;
}
