import { useLayoutEffect, useState, type RefObject } from "react";

/** How far below the document's top a list begins: its items are told from it, by the window's scrolling, which of them are in sight. */
export function useListTop(list: RefObject<HTMLElement | null>): number {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const find = () => setTop((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    find();
    const observer = new ResizeObserver(find);
    observer.observe(document.body);
    // In somebody else's page something else than the window may scroll, and so move the list; the window's own scrolling
    // moves nothing in the document, and looking would make the browser lay it out once more.
    const scrolled = ({ target }: Event) => {
      if (target !== document) find();
    };
    document.addEventListener("scroll", scrolled, { capture: true, passive: true });
    return () => {
      observer.disconnect();
      document.removeEventListener("scroll", scrolled, { capture: true });
    };
  }, [list]);
  return top;
}
