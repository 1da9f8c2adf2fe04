import { parseDate, type CalendarDate } from "@internationalized/date";
import { CalendarDays, ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { DateInput, DateSegment } from "react-aria-components/DateField";
import { DateRangePicker } from "react-aria-components/DateRangePicker";
import { Dialog } from "react-aria-components/Dialog";
import { Group } from "react-aria-components/Group";
import { Heading } from "react-aria-components/Heading";
import { Popover } from "react-aria-components/Popover";
import {
  CalendarCell,
  CalendarGrid,
  CalendarGridBody,
  CalendarGridHeader,
  CalendarHeaderCell,
  RangeCalendar,
} from "react-aria-components/RangeCalendar";
import styles from "./DateRange.module.css";
import field from "./Field.module.css";
import { FieldLabel, labelling, type FieldLook } from "./FieldParts";
import popover from "./Popover.module.css";

export interface DateRangeProps extends Pick<FieldLook, "label" | "hideLabel"> {
  /** Days as `2026-11-27`, in the reader's time zone; the last one counts whole. */
  value: { from: string; to: string } | null;
  onChange: (value: { from: string; to: string } | null) => void;
}

/** From one day to another. */
export function DateRange({ label, hideLabel, value, onChange }: DateRangeProps) {
  return (
    <DateRangePicker<CalendarDate>
      {...labelling({ label, hideLabel })}
      className={field.field ?? ""}
      value={value && { start: parseDate(value.from), end: parseDate(value.to) }}
      onChange={(range) => onChange(range && { from: range.start.toString(), to: range.end.toString() })}
    >
      {!hideLabel && <FieldLabel label={label} />}
      <Group className={field.group ?? ""}>
        <DateInput slot="start" className={styles.input ?? ""}>
          {(segment) => <DateSegment segment={segment} className={styles.segment ?? ""} />}
        </DateInput>
        <span aria-hidden>–</span>
        <DateInput slot="end" className={styles.input ?? ""}>
          {(segment) => <DateSegment segment={segment} className={styles.segment ?? ""} />}
        </DateInput>
        <Button className={field.adjunct ?? ""}>
          <CalendarDays size={16} aria-hidden />
        </Button>
      </Group>
      <Popover className={popover.popover ?? ""}>
        <Dialog className={styles.dialog ?? ""}>
          <RangeCalendar>
            <header className={styles.months}>
              <Button slot="previous" className={field.adjunct ?? ""}>
                <ChevronLeft size={16} aria-hidden />
              </Button>
              <Heading className={styles.month ?? ""} />
              <Button slot="next" className={field.adjunct ?? ""}>
                <ChevronRight size={16} aria-hidden />
              </Button>
            </header>
            <CalendarGrid>
              <CalendarGridHeader>{(day) => <CalendarHeaderCell className={styles.weekday ?? ""}>{day}</CalendarHeaderCell>}</CalendarGridHeader>
              <CalendarGridBody>{(day) => <CalendarCell date={day} className={styles.day ?? ""} />}</CalendarGridBody>
            </CalendarGrid>
          </RangeCalendar>
        </Dialog>
      </Popover>
    </DateRangePicker>
  );
}

/** The two moments of a range of days, for filters of the API. */
export function momentsOf({ from, to }: { from: string; to: string }): { from: string; before: string } {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return {
    from: parseDate(from).toDate(zone).toISOString(),
    before: parseDate(to).add({ days: 1 }).toDate(zone).toISOString(),
  };
}
