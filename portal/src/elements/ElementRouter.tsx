import { ArrowLeft } from "lucide-react";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { createPath, NavigationType, parsePath, Router, type Location, type Navigator, type To } from "react-router";
import { Button } from "@/ui";

interface History {
  entries: readonly Location[];
  index: number;
  action: NavigationType;
}

interface ElementRouterProps {
  start: string;
  element: HTMLElement;
  children: ReactNode;
}

/** Where one is within an element. The page's own address is left alone, so a button leads back. */
export function ElementRouter({ start, element, children }: ElementRouterProps) {
  const { t } = useTranslation("embed");
  const [history, setHistory] = useState<History>(() => ({ entries: [locationOf(start)], index: 0, action: NavigationType.Pop }));
  const navigator = useMemo<Navigator>(
    () => ({
      // Pages of the part have no address of their own that somebody could open beside it.
      createHref: () => "#",
      push: (to, state: unknown) =>
        setHistory(({ entries, index }) => ({
          entries: [...entries.slice(0, index + 1), locationOf(to, state)],
          index: index + 1,
          action: NavigationType.Push,
        })),
      replace: (to, state: unknown) =>
        setHistory(({ entries, index }) => ({
          entries: entries.map((entry, at) => (at === index ? locationOf(to, state) : entry)),
          index,
          action: NavigationType.Replace,
        })),
      go: (delta) =>
        setHistory(({ entries, index }) => ({
          entries,
          index: Math.min(entries.length - 1, Math.max(0, index + delta)),
          action: NavigationType.Pop,
        })),
    }),
    [],
  );
  const location = history.entries[history.index] ?? locationOf(start);
  const { pathname } = location;
  useEffect(() => {
    // What is gone to begins at its top, where that is out of sight.
    if (element.getBoundingClientRect().top < 0) element.scrollIntoView({ block: "start" });
  }, [element, pathname]);
  return (
    <Router location={location} navigationType={history.action} navigator={navigator}>
      {history.index > 0 && (
        <div className="back">
          <Button kind="quiet" size="small" icon={<ArrowLeft size={16} aria-hidden />} onPress={() => navigator.go(-1)}>
            {t("back")}
          </Button>
        </div>
      )}
      {children}
    </Router>
  );
}

let lastKey = 0;

function locationOf(to: To, state: unknown = null): Location {
  const { pathname = "/", search = "", hash = "" } = parsePath(typeof to === "string" ? to : createPath(to));
  lastKey += 1;
  return { pathname, search, hash, state, key: String(lastKey) } as Location;
}
