import type { TFunction } from "i18next";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { KpiInput } from "@/api/generated/schema";
import { SchemaForm } from "@/forms";
import { Card, FormBanner, toast } from "@/ui";
import type { SettingsOf, SettingsPartProps } from "./Settings";

const SET_KPIS = graphql(`
  mutation SetKpis($input: SetKpisInput!) {
    setKpis(input: $input) {
      integration {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** What is measured of the records that are delivered. */
export function KpisForm({ settings, mayWrite }: SettingsPartProps) {
  const { t } = useTranslation("integrations");
  const [schema] = useState(() => kpiSchema(t, settings.streams.map(({ name }) => name)));
  const [value] = useState(() => ({ kpis: settings.kpis.map(formOf) }));
  const form = useMutationForm(SET_KPIS, { payload: (data) => data.setKpis, onDone: () => toast(t("saved")) });
  const isShown = (field: readonly string[] | null | undefined) => field?.[0] === "kpis";
  return (
    <Card title={t("kpiForm.title")} description={t("kpiForm.lead")}>
      <FormBanner form={{ problem: form.problem, otherErrors: form.otherErrors.filter(({ field }) => !isShown(field)) }} />
      <SchemaForm
        schema={schema}
        value={value}
        isBusy={form.isBusy}
        isDisabled={!mayWrite}
        errors={form.otherErrors.filter(({ field }) => isShown(field)).map(({ field, message }) => ({ path: field ?? [], message }))}
        onSubmit={(entered) => {
          const { kpis = [] } = entered as { kpis?: EnteredKpi[] };
          void form.submit({ integrationId: settings.id, kpis: kpis.map(inputOf) });
        }}
      />
    </Card>
  );
}

/** As the form has it: one bound with its kind. */
interface EnteredKpi extends Omit<KpiInput, "target"> {
  target?: { bound: "atLeast" | "atMost"; value: number; per: "HOUR" | "DAY" };
}

function formOf({ target, ...kpi }: SettingsOf["kpis"][number]): EnteredKpi {
  const { __typename: _, ...entered } = kpi as typeof kpi & { __typename?: string };
  if (!target) return entered;
  const bound = target.atLeast == null ? "atMost" : "atLeast";
  return { ...entered, target: { bound, value: target[bound] ?? 0, per: target.per } };
}

function inputOf({ target, ...kpi }: EnteredKpi): KpiInput {
  return target ? { ...kpi, target: { [target.bound]: target.value, per: target.per } } : kpi;
}

function kpiSchema(t: TFunction<"integrations">, streams: readonly string[]): unknown {
  const said = (key: string, schema: object) => ({ title: t(`kpiForm.${key}`), ...schema });
  const choice = (key: string, values: readonly string[]) =>
    said(key, { type: "string", oneOf: values.map((value) => ({ const: value, title: t(`kpiForm.${key}_${value}`) })) });
  const pointer = { type: ["string", "null"], pattern: "^/" };
  return {
    type: "object",
    properties: {
      kpis: said("list", {
        type: "array",
        maxItems: 10,
        items: {
          type: "object",
          required: ["key", "name", "unit", "stream", "kind"],
          properties: {
            name: said("name", { type: "string", minLength: 1, maxLength: 100 }),
            key: said("key", { type: "string", pattern: "^[a-z][a-z0-9_]*$", maxLength: 40, description: t("kpiForm.keyHelp") }),
            stream: said("stream", { type: "string", enum: streams }),
            kind: choice("kind", ["COUNT", "SUM", "SHARE", "DELAY"]),
            unit: said("unit", { type: "string", minLength: 1, maxLength: 16, description: t("kpiForm.unitHelp") }),
            field: said("field", { ...pointer, description: t("kpiForm.fieldHelp") }),
            rule: said("rule", { description: t("kpiForm.ruleHelp") }),
            fromField: said("fromField", { ...pointer, description: t("kpiForm.fromFieldHelp") }),
            toField: said("toField", { ...pointer, description: t("kpiForm.toFieldHelp") }),
            target: said("target", {
              anyOf: [
                { type: "null" },
                {
                  type: "object",
                  required: ["bound", "value", "per"],
                  properties: {
                    bound: choice("bound", ["atLeast", "atMost"]),
                    value: said("value", { type: "number" }),
                    per: choice("per", ["HOUR", "DAY"]),
                  },
                },
              ],
            }),
          },
        },
      }),
    },
  };
}
