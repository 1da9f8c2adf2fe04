import type { ReactNode } from "react";
import { Tab, TabList, TabPanel, Tabs as AriaTabs } from "react-aria-components/Tabs";
import styles from "./Tabs.module.css";
import { useAddress } from "./useAddress";

export interface TabEntry {
  id: string;
  label: ReactNode;
  /** Made only while it is shown. */
  content: () => ReactNode;
}

export interface TabsProps {
  label: string;
  tabs: readonly TabEntry[];
  /** The parameter of the address that names the open one. */
  parameter?: string;
}

/** Parts of a page, one of which is seen. Which one stands in the address, so that it can be linked to. */
export function Tabs({ label, tabs, parameter = "tab" }: TabsProps) {
  const [address, setAddress] = useAddress();
  const first = tabs[0]?.id ?? "";
  const named = address.get(parameter);
  const selected = tabs.some((tab) => tab.id === named) ? (named ?? first) : first;
  return (
    <AriaTabs
      className={styles.tabs ?? ""}
      selectedKey={selected}
      onSelectionChange={(key) => setAddress({ [parameter]: key === first ? null : String(key) })}
    >
      <TabList aria-label={label} className={styles.list ?? ""}>
        {tabs.map((tab) => (
          <Tab key={tab.id} id={tab.id} className={styles.tab ?? ""}>
            {tab.id === selected ? <span ref={bringIntoView}>{tab.label}</span> : tab.label}
          </Tab>
        ))}
      </TabList>
      {tabs.map((tab) => (
        <TabPanel key={tab.id} id={tab.id} className={styles.panel ?? ""}>
          {tab.id === selected && tab.content()}
        </TabPanel>
      ))}
    </AriaTabs>
  );
}

/** Scrolls the list, and nothing around it, to the tab that this is in. */
function bringIntoView(label: HTMLElement | null): void {
  const tab = label?.closest<HTMLElement>('[role="tab"]');
  const list = tab?.closest<HTMLElement>('[role="tablist"]');
  if (tab && list) list.scrollLeft = tab.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2;
}
