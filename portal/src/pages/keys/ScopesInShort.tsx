import { useTranslation } from "react-i18next";
import { scopeNames } from "./scopeNames";

const SHOWN = 3;

/** Some of the scopes, and how many more; all of them in the title. */
export function ScopesInShort({ scopes }: { scopes: readonly string[] }) {
  const { t } = useTranslation("keys");
  const more = scopes.length - SHOWN;
  return (
    <span title={scopeNames(scopes, t)}>
      {scopeNames(scopes.slice(0, SHOWN), t)}
      {more > 0 && ` ${t("andMore", { count: more })}`}
    </span>
  );
}
