import { lazy, Suspense } from "react";
import { Skeleton } from "./Skeleton";

// With its parser it is larger than most pages.
const MarkdownText = lazy(() => import("./MarkdownText"));

export interface MarkdownProps {
  children: string;
  /** Of its highest heading, whichever that is. */
  level?: 2 | 3 | 4;
}

/** Markdown that people wrote. HTML in it is shown as it stands, and images are links: nothing is loaded from elsewhere. */
export function Markdown(props: MarkdownProps) {
  return (
    <Suspense fallback={<Skeleton lines={4} />}>
      <MarkdownText {...props} />
    </Suspense>
  );
}
