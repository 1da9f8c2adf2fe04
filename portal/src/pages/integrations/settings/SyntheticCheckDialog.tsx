import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { Banner, Button, Checkbox, Dialog, Form, FormActions, FormBanner, NumberField, RadioGroup, Select, Skeleton, TextField, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { SET_SYNTHETIC_CHECK, type CheckOf } from "./syntheticQuery";

const CodeEditor = lazy(() => import("../mapping/CodeEditor"));

interface SyntheticCheckDialogProps {
  integration: IntegrationOfPage;
  check: CheckOf | null;
  onClose: () => void;
}

type Timing = "every" | "schedule" | "demand";

const EXAMPLE = '{\n  "id": "{synthetic}",\n  "updatedAt": "{now}"\n}';

/** Sets the test record of an integration, and when it is sent. */
export function SyntheticCheckDialog({ integration, check, onClose }: SyntheticCheckDialogProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const [stream, setStream] = useState(check?.stream ?? integration.streams[0]?.name ?? "");
  const [record, setRecord] = useState(() => (check ? JSON.stringify(check.record, null, 2) : EXAMPLE));
  const [first] = useState(record);
  const [timing, setTiming] = useState<Timing>(check?.schedule ? "schedule" : check && check.everySeconds == null ? "demand" : "every");
  const [minutes, setMinutes] = useState((check?.everySeconds ?? 3_600) / 60);
  const [cron, setCron] = useState(check?.schedule?.cron ?? "0 6 * * *");
  const [remove, setRemove] = useState(check?.remove ?? true);
  const [unreadable, setUnreadable] = useState<string>();
  const form = useMutationForm(SET_SYNTHETIC_CHECK, {
    payload: (data) => data.setSyntheticCheck,
    fields: ["stream", "record", "schedule.cron", "everySeconds", "remove"],
    onDone: () => {
      toast(t("saved"));
      onClose();
    },
  });
  const timeZone = check?.schedule?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const wrong = unreadable ?? form.fieldErrors.record;
  const problems = useMemo(() => (wrong === undefined ? [] : [{ line: null, column: null, message: wrong }]), [wrong]);
  const send = () => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(record);
    } catch {
      setUnreadable(t("synthetic.noJson"));
      return;
    }
    setUnreadable(undefined);
    void form.submit({
      integrationId: integration.id,
      stream,
      record: parsed,
      remove,
      ...(timing === "every" ? { everySeconds: Math.round(minutes * 60) } : {}),
      ...(timing === "schedule" ? { schedule: { cron, timeZone } } : {}),
    });
  };
  return (
    <Dialog title={t("synthetic.title")} isOpen onClose={onClose} width="wide">
      <Form errors={form.fieldErrors} onSubmit={send}>
        <FormBanner form={form} />
        <Select
          name="stream"
          label={t("backfills.stream")}
          options={integration.streams.map(({ name }) => ({ id: name, label: name }))}
          value={stream}
          onChange={(key) => setStream(String(key))}
        />
        <div>
          <p>{t("synthetic.record")}</p>
          <p>{t("synthetic.recordHelp")}</p>
          <Suspense fallback={<Skeleton lines={6} />}>
            <CodeEditor label={t("synthetic.record")} language="json" value={first} onChange={setRecord} problems={problems} />
          </Suspense>
          {wrong !== undefined && <Banner tone="danger">{wrong}</Banner>}
        </div>
        <RadioGroup
          label={t("synthetic.when")}
          value={timing}
          onChange={(value) => setTiming(value as Timing)}
          options={[
            { id: "every", label: t("synthetic.timingEvery") },
            { id: "schedule", label: t("synthetic.timingSchedule") },
            { id: "demand", label: t("synthetic.onDemand") },
          ]}
        />
        {timing === "every" && (
          <NumberField
            name="everySeconds"
            label={t("synthetic.everyMinutes")}
            value={minutes}
            onChange={setMinutes}
            minValue={1}
            maxValue={10_080}
            formatOptions={{ style: "unit", unit: "minute", unitDisplay: "long" }}
            isRequired
          />
        )}
        {timing === "schedule" && (
          <TextField
            name="schedule.cron"
            label={t("schedule.cron")}
            description={t("synthetic.cronHelp", { zone: timeZone })}
            value={cron}
            onChange={setCron}
            isCode
            isRequired
          />
        )}
        <Checkbox isSelected={remove} onChange={setRemove} description={t("synthetic.removeAgainHelp")}>
          {t("synthetic.removeAgain")}
        </Checkbox>
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
