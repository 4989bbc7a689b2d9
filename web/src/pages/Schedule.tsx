import { Button, Checkbox, NativeSelect, NumberInput, TextInput, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { CalendarClock } from "lucide-react";
import { type FormEvent, useState } from "react";
import {
  answer,
  api,
  ifAny,
  type Problem,
  refresh,
  type Schedule,
  type Table,
  toProblem,
} from "../api/client";
import { Dialog } from "../ui/Dialog";
import { dateTime } from "../ui/format";
import { Notice, ProblemNotice } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";

const PATH = "/api/v1/tables/{id}/schedule";

/** The table's schedule; null where it has none. */
function useSchedule(table: Table) {
  const params = { path: { id: table.id } };
  const query = useQuery({
    // Anew after each sync: a run can be over before this tab has heard of it.
    queryKey: ["get", PATH, table.id, table.source?.synced_at],
    queryFn: () => ifAny(api.GET(PATH, { params })),
    placeholderData: (before, query) => (query?.queryKey[2] === table.id ? before : undefined),
    refetchInterval: 30_000,
  });
  return query.data;
}

/** In the source badge: when it is synced next, or why it is not. */
export function ScheduleNote({ table }: { table: Table }) {
  const schedule = useSchedule(table);
  if (!schedule) return null;
  return (
    <>
      <span aria-hidden>·</span>
      {schedule.next_run_at ? (
        <span>
          {schedule.retries > 0 ? "tried again" : "next sync"} <TimeAgo at={schedule.next_run_at} />
        </span>
      ) : (
        <span>schedule paused</span>
      )}
    </>
  );
}

/** A schedule that paused itself says so over the table until somebody has acted. */
export function PausedSchedule({ table, onOpen }: { table: Table; onOpen?: () => void }) {
  const schedule = useSchedule(table);
  if (!schedule?.paused_because) return null;
  return (
    <ProblemNotice
      problem={{
        ...schedule.paused_because,
        title: `The schedule is paused after five failures: ${schedule.paused_because.title}`,
      }}
      tone="warning"
    >
      <span className="dim small">It goes on when the connection's test or a sync succeeds.</span>
      {onOpen && (
        <Button variant="default" size="xs" onClick={onOpen}>
          Schedule…
        </Button>
      )}
    </ProblemNotice>
  );
}

export function ScheduleButton(props: { table: Table; reason: string | null; onOpen: () => void }) {
  const { table, reason, onOpen } = props;
  const schedule = useSchedule(table);
  const off = reason !== null && !schedule;
  return (
    <Tooltip label={reason} disabled={!off}>
      <Button
        variant="default"
        size="xs"
        leftSection={<CalendarClock size={14} />}
        aria-disabled={off}
        data-disabled={off || undefined}
        onClick={off ? undefined : onOpen}
      >
        {schedule ? (schedule.paused ? "Schedule, paused" : "Scheduled") : "Schedule"}
      </Button>
    </Tooltip>
  );
}

interface DialogProps {
  table: Table;
  opened: boolean;
  /** Why it can only be looked at. */
  reason: string | null;
  onClose: () => void;
}

export function ScheduleDialog(props: DialogProps) {
  return (
    <Dialog opened={props.opened} onClose={props.onClose} title={`Schedule of ${props.table.name}`} size="lg">
      <Body {...props} />
    </Dialog>
  );
}

function Body(props: DialogProps) {
  const schedule = useSchedule(props.table);
  return schedule === undefined ? null : <Form {...props} schedule={schedule} />;
}

const PRESETS = [
  { value: "0 * * * *", label: "Every hour" },
  { value: "0 6 * * *", label: "Every day at 6:00" },
  { value: "0 6 * * 1-5", label: "Monday to Friday at 6:00" },
  { value: "0 6 * * 1", label: "Every Monday at 6:00" },
  { value: "0 6 1 * *", label: "On the first of each month at 6:00" },
];
const CUSTOM = "custom";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

function Form({ table, schedule, reason, onClose }: DialogProps & { schedule: Schedule | null }) {
  const [cron, setCron] = useState(schedule?.cron ?? "0 6 * * *");
  const [custom, setCustom] = useState(() => !PRESETS.some((preset) => preset.value === cron));
  const [zone, setZone] = useState(schedule?.time_zone ?? ZONE ?? "UTC");
  const [minutes, setMinutes] = useState<number | string>((schedule?.jitter_seconds ?? 0) / 60);
  const [paused, setPaused] = useState(Boolean(schedule?.paused && !schedule.paused_because));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const told = (field: string) => problem?.fields?.find((one) => one.field === field)?.message;
  const params = { path: { id: table.id } };
  const act = async (call: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await call();
      await refresh(PATH);
      onClose();
    } catch (error) {
      setProblem(toProblem(error));
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = { cron, time_zone: zone, jitter_seconds: Math.round(Number(minutes) * 60), paused };
    void act(() => answer(api.PUT(PATH, { params, body })));
  };
  const zones = ZONES.includes(zone) ? ZONES : [zone, ...ZONES];
  return (
    <form className="stack" onSubmit={submit} noValidate>
      {schedule && <Now schedule={schedule} />}
      {reason && <Notice tone="info" title={reason} />}
      <fieldset
        className="stack"
        style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}
        disabled={reason !== null}
      >
        <NativeSelect
          data-autofocus
          label="Sync"
          data={[...PRESETS, { value: CUSTOM, label: "At other times (cron)" }]}
          value={custom ? CUSTOM : cron}
          onChange={(event) => {
            const { value } = event.currentTarget;
            setCustom(value === CUSTOM);
            if (value !== CUSTOM) setCron(value);
          }}
        />
        {custom && (
          <TextInput
            label="Cron expression"
            description="Minute, hour, day of month, month, day of week"
            classNames={{ input: "mono" }}
            autoComplete="off"
            spellCheck={false}
            value={cron}
            onChange={(event) => setCron(event.currentTarget.value)}
            error={told("cron")}
          />
        )}
        <NativeSelect
          label="Time zone"
          data={zones}
          value={zone}
          onChange={(event) => setZone(event.currentTarget.value)}
          error={told("time_zone")}
        />
        <NumberInput
          label="Spread over minutes"
          description="A table starts up to so many minutes late, always by the same, so that not all start at once"
          min={0}
          max={1440}
          value={minutes}
          onChange={setMinutes}
          error={told("jitter_seconds")}
        />
        <Checkbox
          label="Pause"
          checked={paused}
          onChange={(event) => setPaused(event.currentTarget.checked)}
        />
      </fieldset>
      {problem && !problem.fields?.length && <ProblemNotice problem={problem} />}
      <div className="dialog-actions" style={{ marginTop: 8 }}>
        {schedule && reason === null && (
          <Button
            variant="default"
            color="red"
            disabled={busy}
            onClick={() => void act(() => answer(api.DELETE(PATH, { params })))}
          >
            Remove schedule
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          {reason === null ? "Cancel" : "Close"}
        </Button>
        {reason === null && (
          <Button type="submit" loading={busy}>
            Save schedule
          </Button>
        )}
      </div>
    </form>
  );
}

/** What it says in words, and how its last run ended. */
function Now({ schedule }: { schedule: Schedule }) {
  const { last_run: last } = schedule;
  return (
    <div className="stack" style={{ gap: 4 }}>
      <p style={{ margin: 0 }}>
        {schedule.description} <span className="dim">({schedule.time_zone})</span>
      </p>
      <p className="dim small" style={{ margin: 0 }}>
        {schedule.next_run_at ? `Next: ${dateTime(schedule.next_run_at)}.` : "Paused."}{" "}
        {last && `Last run: ${last.state}${last.problem ? `, ${last.problem.title.toLowerCase()}` : ""}.`}
      </p>
    </div>
  );
}
