import "@/ui/tokens.css";
import "@/ui/reset.css";
import "./element.css";
import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { enableShadowDOM } from "react-stately/private/flags/flags";
import { languageOf } from "@/i18n";
import type { Host } from "@/pages/embed/host";
import { ElementRoot } from "./ElementRoot";
import type { ElementSession } from "./ElementSession";
import { addRoot } from "./roots";

export interface PartProps {
  generation: number;
  session: ElementSession;
  url: string;
  /** A tag, or null for the browser's. */
  language: string | null;
  start: string;
  element: HTMLElement;
  overlays: HTMLElement;
  host: Host;
}

export interface Mounted {
  show: (props: PartProps) => void;
  unmount: () => void;
}

let number = 0;

const PRESSABLE = "react-aria-pressable-style";

/** Makes a place for a part, and shows it there. */
export function mount(frame: HTMLElement): Mounted {
  enableShadowDOM();
  // react-aria adds a style element unless something has this id; policies forbid that, and `reset.css` has its rule.
  if (!document.getElementById(PRESSABLE)) {
    const mark = document.createElement("meta");
    mark.id = PRESSABLE;
    document.head.append(mark);
  }
  const leave = addRoot(frame.getRootNode() as ShadowRoot);
  number += 1;
  // Ids of one element are no other's.
  const root = createRoot(frame, { identifierPrefix: `trestle${number}-` });
  return {
    show: (props) => {
      const language = languageOf(props.language);
      for (const place of [frame, props.overlays]) place.lang = language;
      root.render(
        <StrictMode>
          <Suspense>
            <ElementRoot key={props.generation} {...props} language={language} />
          </Suspense>
        </StrictMode>,
      );
    },
    unmount: () => {
      root.unmount();
      leave();
    },
  };
}
