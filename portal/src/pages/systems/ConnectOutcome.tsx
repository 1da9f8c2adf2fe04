import { useTranslation } from "react-i18next";
import { Banner, Button, useAddress } from "@/ui";

/** What came of giving access: the server sends people back with it in the address. */
export function ConnectOutcome() {
  const { t } = useTranslation(["systems", "common"]);
  const [address, setAddress] = useAddress();
  const outcome = address.get("outcome");
  if (outcome !== "connected" && outcome !== "denied") return null;
  return (
    <Banner
      tone={outcome === "connected" ? "success" : "warning"}
      title={t(`outcome.${outcome}.title`)}
      actions={
        <Button size="small" onPress={() => setAddress({ outcome: null, systemId: null })}>
          {t("common:close")}
        </Button>
      }
    >
      {t(`outcome.${outcome}.help`)}
    </Banner>
  );
}
