import { useTranslation } from "react-i18next";
import type { KillSwitchScope } from "@/api/generated/schema";
import { ObjectName } from "@/pages/tenants/ObjectName";
import { Link } from "@/ui";

/** What a kill switch stops. */
export function SwitchTarget({ scope, target }: { scope: KillSwitchScope; target?: string | null }) {
  const { t } = useTranslation("kill-switches");
  return (
    <div>
      <p>{t(`scope.${scope}`)}</p>
      {target != null && (
        <p>{scope === "CONNECTOR" ? target : <Link to={`/open/${target}`}><ObjectName id={target} /></Link>}</p>
      )}
    </div>
  );
}
