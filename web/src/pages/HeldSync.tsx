// A sync that breaks the table's policy, as a decision.
import { Button } from "@mantine/core";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { $api, answer, api, type Model, queryClient, refresh, type Table } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Notice } from "../ui/Notice";
import { visible } from "../ui/Visible";
import { mayChange } from "./access";
import { ChangeCounts, changedColumns } from "./ChangeCounts";

/** What is held is another thing after each sync, under the same name. */
export async function forgetHeld() {
  await queryClient.resetQueries({ predicate: ({ queryKey }) => JSON.stringify(queryKey).includes("held") });
}

export function HeldSync({ model, table, looking }: { model: Model; table: Table; looking: boolean }) {
  const change = mayChange(model);
  const held = $api.useQuery(
    "get",
    "/api/v1/tables/{id}/held",
    { params: { path: { id: table.id } } },
    { enabled: change, staleTime: 60_000 },
  );
  const [asking, setAsking] = useState<"accept" | "discard" | null>(null);
  const [, navigate] = useLocation();
  const close = () => setAsking(null);
  const decide = async (decision: "accept" | "discard") => {
    const params = { path: { id: table.id } };
    if (decision === "accept") await answer(api.POST("/api/v1/tables/{id}/held/accept", { params }));
    else await answer(api.POST("/api/v1/tables/{id}/held/discard", { params }));
    if (looking) navigate(to.model(model.id, "data", { table: table.id }));
    await refresh(
      "/api/v1/models/{id}/tables",
      "/api/v1/models/{id}/jobs",
      "/api/v1/jobs",
      "/api/v1/tables/{id}",
      "/api/v1/tables/{id}/versions",
    );
    await forgetHeld();
  };
  return (
    <Notice tone="warning" title="A sync waits for a decision">
      <p>
        What it read breaks the table's sync policy, so it stands beside the table and is not yet its newest
        version.{!change && " Who may change this Model decides about it."}
      </p>
      {change && (
        <Async query={held}>
          {({ reasons, diff }) => (
            <>
              <ul className="reasons" aria-label="Why it waits">
                {reasons.map(({ code, message }) => (
                  <li key={code + message}>{visible(message)}</li>
                ))}
              </ul>
              <p>
                <ChangeCounts diff={diff} />
                {changedColumns(diff) && (
                  <>
                    {" · changed in "}
                    <span className="mono">{visible(changedColumns(diff))}</span>
                  </>
                )}
              </p>
            </>
          )}
        </Async>
      )}
      {change && (
        <div className="row" style={{ marginTop: 12 }}>
          <Button size="xs" onClick={() => setAsking("accept")}>
            Accept…
          </Button>
          <Button variant="default" size="xs" onClick={() => setAsking("discard")}>
            Discard…
          </Button>
          <Button
            variant="default"
            size="xs"
            component={Link}
            to={to.model(model.id, "history", {
              table: table.id,
              from: String(table.version ?? ""),
              to: "held",
            })}
          >
            Show what would change
          </Button>
          <Button
            variant="default"
            size="xs"
            component={Link}
            to={to.model(model.id, "data", { table: table.id, ...(looking ? {} : { v: "held" }) })}
          >
            {looking ? "Back to the newest version" : "Look at its rows"}
          </Button>
        </div>
      )}
      <Confirm
        opened={asking === "accept"}
        onClose={close}
        title="Accept the sync"
        action="Accept"
        run={() => decide("accept")}
      >
        What it read becomes the newest version. The version of today stays in the history and can be
        restored.
      </Confirm>
      <Confirm
        opened={asking === "discard"}
        onClose={close}
        title="Discard the sync"
        action="Discard"
        danger
        run={() => decide("discard")}
      >
        What it read is removed, and the table stays as it is. The next sync reads the source again, and waits
        again if it still breaks the policy.
      </Confirm>
    </Notice>
  );
}
