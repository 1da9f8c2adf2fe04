import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { systemSchema } from "./systemSchema";

/** The form of a system's name and configuration, and of its rate where it has one. */
export function useSystemSchema({ name, configSchema }: { name: string; configSchema: unknown }, withRate = false) {
  const { t } = useTranslation("systems");
  return useMemo(() => systemSchema({ name, configSchema }, t, withRate), [name, configSchema, t, withRate]);
}
