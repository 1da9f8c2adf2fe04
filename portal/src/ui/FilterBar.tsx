import { X } from "lucide-react";
import { lazy, Suspense, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";
import styles from "./FilterBar.module.css";
import { SearchField } from "./SearchField";
import { Select, type Option } from "./Select";
import { useAddress } from "./useAddress";

// A calendar is much code, and most lists have none.
const DateRange = lazy(() => import("./DateRange").then((module) => ({ default: module.DateRange })));

/** A filter, which is a parameter of the address; of `days` two: `<name>From` and `<name>To`. */
export type Filter =
  | { kind: "search"; name: string; label: string; placeholder?: string }
  | { kind: "choice"; name: string; label: string; options: readonly Option[] }
  | { kind: "days"; name: string; label: string }
  /** A field that reads and writes the address itself. */
  | { kind: "own"; name: string; field: ReactNode };

export interface FilterBarProps {
  filters: readonly Filter[];
  /** At the right end, such as the number found. */
  children?: ReactNode;
}

const ANY = "any";

/** Filters of a list. Their state is the address's, so that a list can be linked to, and back goes back. Read it by `useAddress`. */
export function FilterBar({ filters, children }: FilterBarProps) {
  const { t } = useTranslation("common");
  const [address, setAddress] = useAddress();
  const names = filters.flatMap(({ kind, name }) => (kind === "days" ? [`${name}From`, `${name}To`] : [name]));
  const isAny = names.some((name) => address.has(name));
  return (
    <div className={styles.bar} role="search">
      {filters.map((filter) => (
        <div key={filter.name} className={styles.filter} data-kind={filter.kind}>
          {filter.kind === "search" ? (
            <SearchField
              label={filter.label}
              placeholder={filter.placeholder}
              value={address.get(filter.name) ?? ""}
              onChange={(value) => setAddress({ [filter.name]: value })}
            />
          ) : filter.kind === "choice" ? (
            <Select
              label={filter.label}
              hideLabel
              options={[{ id: ANY, label: `${filter.label}: ${t("any")}` }, ...filter.options]}
              value={address.get(filter.name) ?? ANY}
              onChange={(key) => setAddress({ [filter.name]: key === ANY || key === null ? null : String(key) })}
            />
          ) : filter.kind === "own" ? (
            filter.field
          ) : (
            <Suspense>
              <DateRange label={filter.label} hideLabel {...days(filter.name, address, setAddress)} />
            </Suspense>
          )}
        </div>
      ))}
      {isAny && (
        <Button
          kind="quiet"
          icon={<X size={14} aria-hidden />}
          onPress={() => setAddress(Object.fromEntries(names.map((name) => [name, null])))}
        >
          {t("clearFilters")}
        </Button>
      )}
      {children != null && <div className={styles.rest}>{children}</div>}
    </div>
  );
}

function days(name: string, address: URLSearchParams, setAddress: (changes: Record<string, string | null>) => void) {
  const from = address.get(`${name}From`);
  const to = address.get(`${name}To`);
  return {
    value: from && to ? { from, to } : null,
    onChange: (range: { from: string; to: string } | null) =>
      setAddress({ [`${name}From`]: range?.from ?? null, [`${name}To`]: range?.to ?? null }),
  };
}
