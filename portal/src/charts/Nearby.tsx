import { useEffect, useRef, useState, type ReactNode } from "react";

/** So far below what is seen, something is about to be. */
const AHEAD = "200px";

/** A picture of a height, whose content is made when it is first seen, or nearly. */
export function Nearby({ label, height, children }: { label: string; height: number; children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const [isNear, setIsNear] = useState(typeof IntersectionObserver === "undefined");
  useEffect(() => {
    if (isNear || place.current === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setIsNear(true);
      },
      { rootMargin: AHEAD },
    );
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [isNear]);
  return (
    <div ref={place} style={{ height }} role="img" aria-label={label}>
      {isNear && children}
    </div>
  );
}
