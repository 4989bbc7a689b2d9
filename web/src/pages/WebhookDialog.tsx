import { Button, Checkbox, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import {
  answer,
  api,
  ifAny,
  type Model,
  type Problem,
  refresh,
  toProblem,
  type Webhook,
} from "../api/client";
import { Code } from "../ui/Copy";
import { Dialog } from "../ui/Dialog";
import { Notice, ProblemNotice } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";

const PATH = "/api/v1/models/{id}/webhook";

type Kind = NonNullable<Webhook["kinds"]>[number];
const KINDS: [Kind, string][] = [
  ["sync_failed", "A sync failed"],
  ["sync_held", "A sync waits for a decision"],
  ["table_stale", "A table is out of date"],
  ["sync_recovered", "A sync works again"],
];

/** Where the notices of a Model go besides the page. */
export function WebhookDialog(props: { model: Model; opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={props.opened} onClose={props.onClose} title="Webhook" size="lg">
      <Body {...props} />
    </Dialog>
  );
}

function Body({ model, onClose }: { model: Model; onClose: () => void }) {
  const params = { path: { id: model.id } };
  const query = useQuery({
    queryKey: ["get", PATH, model.id],
    queryFn: () => ifAny(api.GET(PATH, { params })),
    refetchInterval: 5_000,
  });
  const webhook = query.data;
  if (webhook === undefined) return query.error ? <ProblemNotice problem={toProblem(query.error)} /> : null;
  return (
    <>
      <Form model={model} webhook={webhook} onClose={onClose} />
      {webhook && <Deliveries model={model} webhook={webhook} />}
    </>
  );
}

function Form({ model, webhook, onClose }: { model: Model; webhook: Webhook | null; onClose: () => void }) {
  const params = { path: { id: model.id } };
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [kinds, setKinds] = useState<Kind[]>(webhook?.kinds ?? KINDS.map(([kind]) => kind));
  const [secret, setSecret] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const told = (field: string) => problem?.fields?.find((one) => one.field === field)?.message;
  const act = async (call: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await call();
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = { url, kinds: kinds.length === KINDS.length ? null : kinds };
    void act(async () => {
      const made = await answer(api.PUT(PATH, { params, body }));
      setSecret(made.secret);
    });
  };
  if (secret) {
    return (
      <>
        <Notice tone="success" title="The webhook is set">
          <p>This secret signs its messages, as Standard Webhooks says. It is shown this once.</p>
        </Notice>
        <Code text={secret} label="secret" />
        <div className="dialog-actions">
          <Button
            data-autofocus
            onClick={() => {
              setSecret(null);
              void refresh(PATH);
            }}
          >
            I have copied it
          </Button>
        </div>
      </>
    );
  }
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <TextInput
        data-autofocus
        label="URL"
        description="Gets a signed POST for each notice of this Model. Only public hosts, unless your operator allows others."
        placeholder="https://example.com/hooks/mycorr"
        autoComplete="off"
        spellCheck={false}
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        error={told("url")}
      />
      <Checkbox.Group label="Send when" value={kinds} onChange={(value) => setKinds(value as Kind[])}>
        <div className="stack" style={{ gap: 8, marginTop: 4 }}>
          {KINDS.map(([kind, label]) => (
            <Checkbox key={kind} value={kind} label={label} />
          ))}
        </div>
      </Checkbox.Group>
      {problem && !problem.fields?.length && <ProblemNotice problem={problem} />}
      <div className="dialog-actions" style={{ marginTop: 8 }}>
        {webhook && (
          <Button
            variant="default"
            disabled={busy}
            onClick={() => void act(() => answer(api.DELETE(PATH, { params })).then(() => refresh(PATH)))}
          >
            Remove webhook
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        <Button type="submit" loading={busy} disabled={url.trim() === "" || kinds.length === 0}>
          {webhook ? "Save with a new secret" : "Set webhook"}
        </Button>
      </div>
    </form>
  );
}

const STATES = { pending: "on its way", delivered: "delivered", failed: "failed" };

function Deliveries({ model, webhook }: { model: Model; webhook: Webhook }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const again = (delivery_id: string) => {
    const params = { path: { id: model.id, delivery_id } };
    setProblem(null);
    answer(api.POST("/api/v1/models/{id}/webhook/redeliver/{delivery_id}", { params }))
      .then(() => refresh(PATH))
      .catch((error) => setProblem(toProblem(error)));
  };
  return (
    <section aria-label="Last deliveries" style={{ marginTop: 24 }}>
      <h3 style={{ fontSize: 16, margin: "0 0 8px" }}>Last deliveries</h3>
      {problem && <ProblemNotice problem={problem} />}
      {webhook.deliveries.length === 0 ? (
        <p className="dim">None yet.</p>
      ) : (
        <div className="table-wrap">
          <table className="list folding">
            <thead>
              <tr>
                <th>What</th>
                <th>State</th>
                <th>When</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {webhook.deliveries.map((one) => (
                <tr key={one.id}>
                  <td>{KINDS.find(([kind]) => kind === one.kind)?.[1] ?? one.kind}</td>
                  <td data-label="State">
                    {STATES[one.state]}
                    {one.problem && <span className="dim small"> {one.problem.detail}</span>}
                  </td>
                  <td data-label="When">
                    <TimeAgo at={one.created_at} />
                  </td>
                  <td className="num">
                    <Button variant="default" size="xs" onClick={() => again(one.id)}>
                      Send again
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
