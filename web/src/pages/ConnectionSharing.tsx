import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { answer, api, type Connection } from "../api/client";
import { to } from "../routes";
import { Confirm } from "../ui/Confirm";
import { CopyButton } from "../ui/Copy";
import { Notice, ProblemNotice } from "../ui/Notice";
import { useAction } from "../ui/useAction";
import { Name } from "../ui/Visible";
import { NewOwnerField } from "./NewOwner";

interface Props {
  connection: Connection;
  onSaved: () => Promise<unknown>;
}

/** Who may sync through a connection, and its hand-over. */
export function ConnectionSharing({ connection, onSaved }: Props) {
  const saving = useAction();
  const [handing, setHanding] = useState(false);
  const [email, setEmail] = useState("");
  const [offered, setOffered] = useState<string | null>(null);
  const params = { path: { id: connection.id } };
  const link = new URL(to.acceptConnection(connection.id), window.location.href).href;
  return (
    <section className="section stack form" aria-labelledby="sharing">
      <div>
        <h2 id="sharing" style={{ margin: "0 0 4px" }}>
          Others
        </h2>
        <p className="dim text" style={{ margin: 0 }}>
          Nobody but you sees this connection. Who works on a Model with you sees that a table comes through
          one, never which host, role or password.
        </p>
      </div>
      <NativeSelect
        label="Who may sync tables that come through it"
        data={[
          { value: "collaborators", label: "Whoever may change the table" },
          { value: "owner", label: "Only you" },
        ]}
        value={connection.sync_by}
        disabled={saving.busy}
        onChange={(event) => {
          const sync_by = event.currentTarget.value as Connection["sync_by"];
          void saving.run(async () => {
            await answer(api.PATCH("/api/v1/connections/{id}", { params, body: { sync_by } }));
            await onSaved();
          });
        }}
      />
      {saving.problem && <ProblemNotice problem={saving.problem} />}
      <div>
        <Button variant="default" onClick={() => setHanding(true)}>
          Hand over…
        </Button>
      </div>
      {offered && (
        <Notice tone="success" title="Offered">
          <p>
            Tell <Name text={offered} /> to open this link. Until they accept, the connection stays yours.
          </p>
          <div style={{ marginTop: 8 }}>
            <CopyButton words text={link} label="Copy link" />
          </div>
        </Notice>
      )}
      <Confirm
        opened={handing}
        onClose={() => setHanding(false)}
        title="Hand over the connection"
        action="Offer it"
        run={async () => {
          await answer(
            api.POST("/api/v1/connections/{id}/transfer", { params, body: { email: email.trim() } }),
          );
          setOffered(email.trim());
          setEmail("");
        }}
      >
        <p style={{ marginTop: 0 }}>
          Once they accept, the connection with its ledger is theirs and you don’t see it any more. The
          password stays sealed and is shown to neither of you.
        </p>
        <NewOwnerField email={email} onChange={setEmail} />
      </Confirm>
    </section>
  );
}
