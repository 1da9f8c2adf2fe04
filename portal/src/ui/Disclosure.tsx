import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "react-aria-components/Button";
import { Disclosure as AriaDisclosure, DisclosurePanel } from "react-aria-components/Disclosure";
import { Heading } from "react-aria-components/Heading";
import styles from "./Disclosure.module.css";

export interface DisclosureProps {
  title: ReactNode;
  isOpenAtFirst?: boolean;
  /** Of its heading; 3 below a card's. */
  level?: 2 | 3 | 4;
  children: ReactNode;
}

/** Something that is shown when one wants it. */
export function Disclosure({ title, isOpenAtFirst = false, level = 3, children }: DisclosureProps) {
  return (
    <AriaDisclosure defaultExpanded={isOpenAtFirst} className={styles.disclosure ?? ""}>
      <Heading level={level} className={styles.heading ?? ""}>
        <Button slot="trigger" className={styles.trigger ?? ""}>
          <ChevronRight size={16} aria-hidden />
          {title}
        </Button>
      </Heading>
      <DisclosurePanel className={styles.panel ?? ""}>{children}</DisclosurePanel>
    </AriaDisclosure>
  );
}
