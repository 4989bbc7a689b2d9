import { Button } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { answer, api, type Model, refresh, type Table } from "../api/client";
import { to } from "../routes";
import { Confirm } from "../ui/Confirm";
import { count } from "../ui/format";
import { mayChange } from "./access";

/** Makes an old version's content the newest again. */
export function RestoreButton({ model, table, version }: { model: Model; table: Table; version: number }) {
  const [asking, setAsking] = useState(false);
  const [, navigate] = useLocation();
  if (!mayChange(model)) return null;
  return (
    <>
      <Button
        variant="default"
        size="xs"
        onClick={() => setAsking(true)}
        aria-label={`Restore version ${version}`}
      >
        Restore
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Restore version ${count(version)}`}
        action="Restore"
        run={async () => {
          const path = { id: table.id };
          await answer(api.POST("/api/v1/tables/{id}/restore", { params: { path }, body: { version } }));
          await refresh("/api/v1/models/{id}/tables", "/api/v1/tables/{id}", "/api/v1/tables/{id}/versions");
          navigate(to.model(model.id, "history", { table: table.id }));
        }}
      >
        A new version with the content of version {count(version)} is added. Nothing is removed: today's
        content stays in the history.
      </Confirm>
    </>
  );
}
