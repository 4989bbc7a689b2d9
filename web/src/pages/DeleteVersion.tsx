import { Button } from "@mantine/core";
import { useState } from "react";
import { $api, answer, api, type Model, refresh, type Table } from "../api/client";
import { Confirm } from "../ui/Confirm";
import { bytes, count } from "../ui/format";
import { mayChange } from "./access";

interface Props {
  model: Model;
  table: Table;
  version: number;
}

/** Deletes an old version, and says what that frees. */
export function DeleteVersion({ model, table, version }: Props) {
  const [asking, setAsking] = useState(false);
  if (!mayChange(model)) return null;
  const params = { path: { id: table.id, version } };
  return (
    <>
      <Button
        variant="default"
        size="xs"
        onClick={() => setAsking(true)}
        aria-label={`Delete version ${version}`}
      >
        Delete…
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete version ${count(version)}`}
        action="Delete version"
        danger
        run={async () => {
          await answer(api.DELETE("/api/v1/tables/{id}/versions/{version}", { params }));
          await refresh("/api/v1/tables/{id}/versions", "/api/v1/tables/{id}/freed-space");
        }}
      >
        It can't be read or restored any more. Other versions stay as they are.{" "}
        <Freed table={table} version={version} />
      </Confirm>
    </>
  );
}

function Freed({ table, version }: { table: Table; version: number }) {
  const space = $api.useQuery("get", "/api/v1/tables/{id}/freed-space", {
    params: { path: { id: table.id }, query: { version } },
  });
  if (!space.data) return null;
  const { freed_bytes, stored_bytes } = space.data;
  return (
    <span role="status">
      All versions take {bytes(stored_bytes)} now, and {bytes(stored_bytes - freed_bytes)} afterwards.
    </span>
  );
}
