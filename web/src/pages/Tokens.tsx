import { Button, NativeSelect, TextInput } from "@mantine/core";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { $api, answer, api, type Problem, refresh, type Token, toProblem } from "../api/client";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Code } from "../ui/Copy";
import { Dialog } from "../ui/Dialog";
import { spelled } from "../ui/invisible";
import { Notice, ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { Name } from "../ui/Visible";

const changed = () => refresh("/api/v1/tokens");

export default function Tokens() {
  const tokens = $api.useQuery("get", "/api/v1/tokens", { params: { query: { limit: 1000 } } });
  const models = $api.useQuery("get", "/api/v1/models", { params: { query: { limit: 1000 } } });
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const some = (tokens.data?.items.length ?? 0) > 0;
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setCreating(true)}>
      New token
    </Button>
  );
  return (
    <>
      <PageHeader title="API tokens">{some && create}</PageHeader>
      <Async
        query={tokens}
        empty={({ items }) =>
          items.length === 0 ? (
            <Empty title="No token yet" action={create}>
              <p>
                A token lets a script call the{" "}
                <Link className="link" to={to.api}>
                  HTTP API
                </Link>{" "}
                in your name: to read, or to do all that you may.
              </p>
            </Empty>
          ) : undefined
        }
      >
        {({ items }) => (
          <div className="table-wrap">
            <table className="list folding">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>May</th>
                  <th>Made</th>
                  <th>Last used</th>
                  <th>Expires</th>
                  <th>
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((token) => (
                  <tr key={token.id}>
                    <td style={{ fontWeight: 600 }}>{token.name}</td>
                    <td data-label="May">
                      {token.access === "read" ? "read" : "do what you may"}
                      {token.model_id && (
                        <div className="dim small">
                          in{" "}
                          <Name
                            text={
                              models.data?.items.find(({ id }) => id === token.model_id)?.name ?? "one Model"
                            }
                          />
                        </div>
                      )}
                    </td>
                    <td data-label="Made">
                      <TimeAgo at={token.created_at} />
                    </td>
                    <td data-label="Last used">
                      {token.last_used_at ? (
                        <TimeAgo at={token.last_used_at} />
                      ) : (
                        <span className="dim">never</span>
                      )}
                    </td>
                    <td data-label="Expires">
                      {token.expires_at ? (
                        <TimeAgo at={token.expires_at} />
                      ) : (
                        <span className="dim">never</span>
                      )}
                    </td>
                    <td className="num">
                      <Button
                        variant="default"
                        size="xs"
                        aria-label={`Revoke ${token.name}`}
                        onClick={() => setRevoking(token)}
                      >
                        Revoke
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Async>
      <Dialog opened={creating} onClose={() => setCreating(false)} title="New token">
        <NewToken onClose={() => setCreating(false)} />
      </Dialog>
      <Confirm
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title="Revoke token"
        action="Revoke token"
        danger
        run={async () => {
          if (!revoking) return;
          await answer(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: revoking.id } } }));
          await changed();
        }}
      >
        Scripts that use “{revoking?.name}” are refused from now on. It cannot be brought back.
      </Confirm>
    </>
  );
}

const LIFETIMES = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "", label: "Never" },
];

function NewToken({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [access, setAccess] = useState<Token["access"]>("read");
  const [model, setModel] = useState("");
  const models = $api.useQuery("get", "/api/v1/models", { params: { query: { limit: 1000 } } });
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [token, setToken] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const expires_at = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
      const body = { name: name.trim(), expires_at, access, model_id: model || null };
      const made = await answer(api.POST("/api/v1/tokens", { body }));
      setToken(made.token);
      await changed();
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };
  if (token !== null) {
    return (
      <div className="stack">
        <Notice tone="warning" title="Copy it now">
          <p>It is shown this once. Only a fingerprint of it is kept.</p>
        </Notice>
        <Code text={token} label="token" />
        <div className="dialog-actions" style={{ marginTop: 8 }}>
          <Button onClick={onClose}>I have copied it</Button>
        </div>
      </div>
    );
  }
  const field = problem?.fields?.find((one) => one.field === "name")?.message;
  return (
    <form onSubmit={submit} className="stack">
      <TextInput
        data-autofocus
        label="Name"
        description="Where it will be used, e.g. “Nightly export”."
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={field}
      />
      <NativeSelect
        label="May"
        data={[
          { value: "read", label: "read, and change nothing" },
          { value: "write", label: "do what you may" },
        ]}
        value={access}
        onChange={(event) => setAccess(event.currentTarget.value as Token["access"])}
      />
      <NativeSelect
        label="In"
        data={[
          { value: "", label: "everything that you see" },
          ...(models.data?.items ?? []).map(({ id, name }) => ({
            value: id,
            label: `the Model ${spelled(name)} only`,
          })),
        ]}
        value={model}
        onChange={(event) => setModel(event.currentTarget.value)}
      />
      <NativeSelect
        label="Expires after"
        data={LIFETIMES}
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
      {problem && !field && <ProblemNotice problem={problem} />}
      <div className="dialog-actions" style={{ marginTop: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy} disabled={name.trim() === ""}>
          Create token
        </Button>
      </div>
    </form>
  );
}
