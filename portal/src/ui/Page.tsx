import { ChevronRight } from "lucide-react";
import { Suspense, useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavigationType, useLocation, useNavigationType } from "react-router";
import { Link } from "./Link";
import styles from "./Page.module.css";
import { usePart } from "./part";
import { Skeleton } from "./Skeleton";

export interface Crumb {
  label: string;
  to: string;
}

export interface PageProps {
  /** The heading, and the document's title. */
  title: string;
  /** In place of `title` in the heading, for example with a badge beside it. */
  heading?: ReactNode;
  /** The pages above it, from the outermost. */
  breadcrumbs?: readonly Crumb[];
  /** One sentence below the heading. */
  description?: ReactNode;
  /** Buttons at its right end. */
  actions?: ReactNode;
  /** `narrow` for forms and reading, `wide` for boards. */
  width?: "narrow" | "normal" | "wide";
  children?: ReactNode;
}

/** A page: its heading, which has the focus after a navigation, and what stands below it. */
export function Page({ title, heading, breadcrumbs = [], description, actions, width = "normal", children }: PageProps) {
  const { t } = useTranslation("common");
  const part = usePart();
  const { isGuest } = part;
  const Heading = isGuest ? "h2" : "h1";
  useEffect(() => {
    if (!isGuest) document.title = title ? `${title} · Trestle` : "Trestle";
  }, [title, isGuest]);
  const head = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  const isFollowed = useNavigationType() === NavigationType.Push;
  useEffect(() => {
    if (part.arrive(pathname, isFollowed)) head.current?.focus({ preventScroll: true });
  }, [part, pathname, isFollowed]);
  return (
    <div className={styles.page} data-width={width}>
      {breadcrumbs.length > 0 && (
        <nav aria-label={t("breadcrumbs")}>
          <ol className={styles.crumbs}>
            {breadcrumbs.map((crumb) => (
              <li key={crumb.to}>
                <Link kind="quiet" to={crumb.to}>
                  {crumb.label}
                </Link>
                <ChevronRight size={14} aria-hidden />
              </li>
            ))}
          </ol>
        </nav>
      )}
      <header className={styles.header}>
        <div className={styles.titles}>
          <Heading tabIndex={-1} ref={head} className={styles.heading}>
            {heading ?? title}
          </Heading>
          {description != null && <p className={styles.description}>{description}</p>}
        </div>
        {actions != null && <div className={styles.actions}>{actions}</div>}
      </header>
      {/* What waits for its code or texts leaves the heading, and the focus, where they are. */}
      <Suspense fallback={<Skeleton lines={6} />}>{children}</Suspense>
    </div>
  );
}
