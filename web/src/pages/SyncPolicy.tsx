// What a table's syncs may change without asking, and which versions are kept.
import { Button, NativeSelect, NumberInput } from "@mantine/core";
import { useState } from "react";
import { $api, answer, api, refresh, type SyncPolicy, type Table, toProblem } from "../api/client";
import { Async } from "../ui/Async";
import { Dialog } from "../ui/Dialog";
import { bytes, plural } from "../ui/format";
import { ProblemNotice } from "../ui/Notice";

export function SyncPolicyDialog(props: { table: Table; opened: boolean; onClose: () => void }) {
  const { table, opened, onClose } = props;
  return (
    <Dialog opened={opened} onClose={onClose} title="Sync policy">
      <Loaded table={table} onClose={onClose} />
    </Dialog>
  );
}

function Loaded({ table, onClose }: { table: Table; onClose: () => void }) {
  const policy = $api.useQuery("get", "/api/v1/tables/{id}/sync-policy", {
    params: { path: { id: table.id } },
  });
  return <Async query={policy}>{(loaded) => <Form table={table} before={loaded} onClose={onClose} />}</Async>;
}

const HOLDS: { value: SyncPolicy["hold"]; label: string }[] = [
  { value: "never", label: "Never: every sync becomes a version" },
  { value: "breaking", label: "When it breaks something" },
  { value: "always", label: "Whenever it finds something new" },
];

const whole = (value: string | number) => (value === "" ? null : Number(value));

function Form({ table, before, onClose }: { table: Table; before: SyncPolicy; onClose: () => void }) {
  const [policy, setPolicy] = useState(before);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { keep } = policy;
  const space = $api.useQuery("get", "/api/v1/tables/{id}/freed-space", {
    params: {
      path: { id: table.id },
      query: { keep_versions: keep.versions ?? undefined, keep_days: keep.days ?? undefined },
    },
  });
  const gone = space.data?.versions.length ?? 0;
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await answer(
        api.PUT("/api/v1/tables/{id}/sync-policy", { params: { path: { id: table.id } }, body: policy }),
      );
      await refresh(
        "/api/v1/tables/{id}/sync-policy",
        "/api/v1/tables/{id}/freed-space",
        "/api/v1/tables/{id}/versions",
      );
      onClose();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="stack">
        <NativeSelect
          data-autofocus
          label="Hold a sync and ask first"
          description="A held sync leaves the table as it is. What it read can be looked at, accepted or discarded."
          data={HOLDS}
          value={policy.hold}
          onChange={(event) => {
            const hold = event.currentTarget.value as SyncPolicy["hold"];
            setPolicy({ ...policy, hold });
          }}
        />
        {policy.hold !== "never" && (
          <>
            <p className="dim small">
              A column that is gone, retyped or no longer readable breaks something, as do an empty table that
              had rows, row-level security that is newly on, and another table under the same name.
            </p>
            <NumberInput
              label="Rows that may be lost, in percent"
              description="Of the rows of the version before. More breaks something."
              min={0}
              max={100}
              allowDecimal={false}
              value={policy.max_rows_lost_percent}
              onChange={(value) => setPolicy({ ...policy, max_rows_lost_percent: Number(value) })}
            />
          </>
        )}
        <div className="row" style={{ alignItems: "flex-end" }}>
          <NumberInput
            label="Keep versions"
            placeholder="All"
            min={1}
            allowDecimal={false}
            value={keep.versions ?? ""}
            onChange={(value) => setPolicy({ ...policy, keep: { ...keep, versions: whole(value) } })}
          />
          <NumberInput
            label="Keep days"
            placeholder="All"
            min={1}
            allowDecimal={false}
            value={keep.days ?? ""}
            onChange={(value) => setPolicy({ ...policy, keep: { ...keep, days: whole(value) } })}
          />
        </div>
        <p className="dim small" role="status">
          A version stays if either keeps it. The newest and the checkpoints always stay.{" "}
          {space.data &&
            (gone > 0
              ? `To save deletes ${plural(gone, "version")} and frees ${bytes(space.data.freed_bytes)} of ${bytes(space.data.stored_bytes)}.`
              : `All versions together take ${bytes(space.data.stored_bytes)}.`)}
        </p>
        {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
      </div>
      <div className="dialog-actions">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy}>
          Save
        </Button>
      </div>
    </form>
  );
}
