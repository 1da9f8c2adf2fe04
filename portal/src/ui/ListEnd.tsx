import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Pages } from "@/api";
import { Button } from "./Button";
import styles from "./ListEnd.module.css";
import { ProblemBanner } from "./ProblemBanner";
import { Spinner } from "./Spinner";

/** The end of a list: loads the next page when it comes into sight, says that it does, and what went wrong. */
export function ListEnd({ pages }: { pages: Pick<Pages<unknown>, "hasMore" | "isLoadingMore" | "loadMore" | "problem"> }) {
  const { t } = useTranslation("common");
  const { hasMore, isLoadingMore, loadMore, problem } = pages;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!hasMore || problem || !end.current) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && loadMore(), { rootMargin: "400px" });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [hasMore, problem, loadMore]);
  if (problem) return <ProblemBanner problem={problem} onRetry={loadMore} />;
  if (!hasMore) return null;
  return (
    <div ref={end} className={styles.end}>
      {isLoadingMore ? <Spinner /> : <Button onPress={loadMore}>{t("loadMore")}</Button>}
    </div>
  );
}
