import { createElement, lazy, useState, type ComponentType, type ReactElement } from "react";
import { loadTexts } from "@/i18n";

/** A page of the portal, whose code and words are loaded when it is first gone to. */
export interface PageOfPortal {
  element: ReactElement;
  /** Loads it before it is shown. What fails here fails again where it is shown, and is told there. */
  loadAhead(): Promise<void>;
}

/** `words` are the namespaces of texts that the page begins with. */
export function page(load: () => Promise<{ default: ComponentType }>, ...words: readonly string[]): PageOfPortal {
  let loaded: ComponentType | null = null;
  const loadAll = async () => {
    const [module] = await Promise.all([load(), loadTexts(words)]);
    loaded = module.default;
    return module;
  };
  const Later = lazy(loadAll);
  // What is there is shown at once: after a fallback React shows nothing else for 300 ms.
  function PageOrLater() {
    const [Shown] = useState<ComponentType>(() => loaded ?? Later);
    return createElement(Shown);
  }
  return {
    element: createElement(PageOrLater),
    loadAhead: () => loadAll().then(
      () => undefined,
      () => undefined,
    ),
  };
}
