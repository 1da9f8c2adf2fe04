import type { Problem } from "@/api";
import { NotFound } from "./NotFound";
import { ProblemBanner } from "./ProblemBanner";

export interface ErrorStateProps {
  problem: Problem;
  onRetry?: () => void;
}

/** In place of what could not be read. What one may not see is not found. */
export function ErrorState({ problem, onRetry }: ErrorStateProps) {
  return problem.kind === "notFound" ? <NotFound /> : <ProblemBanner problem={problem} onRetry={onRetry} />;
}
