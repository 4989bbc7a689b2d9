import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { $api, answer, api, type Invite, refresh } from "../api/client";
import { MoreButton, useListed } from "../api/listed";
import { Async, Empty } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { HandOn } from "../ui/HandOn";
import { ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { useAction } from "../ui/useAction";
import { Name, visible } from "../ui/Visible";

/** Who was invited and has not come yet. */
export default function Invitations() {
  const invites = useListed<Invite>(["get", "/api/v1/invites"], (after) =>
    api.GET("/api/v1/invites", { params: { query: { limit: 100, after } } }),
  );
  const [inviting, setInviting] = useState(false);
  const [taking, setTaking] = useState<Invite | null>(null);
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setInviting(true)}>
      Invite somebody
    </Button>
  );
  return (
    <>
      <PageHeader title="Invitations">{(invites.data?.length ?? 0) > 0 && create}</PageHeader>
      <Async
        query={invites}
        empty={(items) =>
          items.length === 0 ? (
            <Empty title="Nobody is invited" action={create}>
              <p>
                An invitation is a link with which somebody makes an account. It can bring Models and teams.
                Sharing with an unknown address makes one too.
              </p>
            </Empty>
          ) : undefined
        }
      >
        {(items) => (
          <div className="stack">
            <div className="table-wrap">
              <table className="list folding" aria-label="Invitations">
                <thead>
                  <tr>
                    <th>Address</th>
                    <th>Invited</th>
                    <th>Expires</th>
                    <th>
                      <span className="visually-hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((invite) => (
                    <tr key={invite.id}>
                      <td>
                        <strong>{visible(invite.email)}</strong>
                      </td>
                      <td data-label="Invited">
                        <TimeAgo at={invite.created_at} />
                      </td>
                      <td data-label="Expires">
                        <TimeAgo at={invite.expires_at} />
                      </td>
                      <td className="num">
                        <Button
                          variant="default"
                          size="xs"
                          aria-label={`Take back the invitation of ${invite.email}`}
                          onClick={() => setTaking(invite)}
                        >
                          Take back
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <MoreButton query={invites} />
          </div>
        )}
      </Async>
      <Dialog opened={inviting} onClose={() => setInviting(false)} title="Invite somebody">
        <InviteForm onClose={() => setInviting(false)} />
      </Dialog>
      <Confirm
        opened={taking !== null}
        onClose={() => setTaking(null)}
        title="Take back the invitation"
        action="Take back"
        danger
        run={async () => {
          if (!taking) return;
          await answer(api.DELETE("/api/v1/invites/{id}", { params: { path: { id: taking.id } } }));
          await refresh("/api/v1/invites", "/api/v1/models/{id}/members", "/api/v1/teams/{id}/members");
        }}
      >
        Its link is good no more, and nothing that was shared with <Name text={taking?.email ?? ""} /> waits
        for them.
      </Confirm>
    </>
  );
}

interface Made {
  email: string;
  url: string;
  expires_at: string;
}

function InviteForm({ onClose }: { onClose: () => void }) {
  const models = $api.useQuery("get", "/api/v1/models", { params: { query: { limit: 1000 } } });
  const teams = $api.useQuery("get", "/api/v1/teams", { params: { query: { limit: 1000 } } });
  const [email, setEmail] = useState("");
  const [brings, setBrings] = useState<ReadonlySet<string>>(new Set());
  const [access, setAccess] = useState<"viewer" | "collaborator">("viewer");
  const [made, setMade] = useState<Made | null>(null);
  const { busy, problem, run, field } = useAction();
  const own = models.data?.items.filter((model) => model.access === "owner") ?? [];
  const led = teams.data?.items.filter((team) => team.role === "admin") ?? [];
  const toggle = (id: string) => {
    const next = new Set(brings);
    if (!next.delete(id)) next.add(id);
    setBrings(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      const body = {
        email: email.trim(),
        models: own.filter(({ id }) => brings.has(id)).map(({ id }) => ({ model_id: id, access })),
        teams: led
          .filter(({ id }) => brings.has(id))
          .map(({ id }) => ({ team_id: id, role: "member" as const })),
      };
      setMade(await answer(api.POST("/api/v1/invites", { body })));
      await refresh("/api/v1/invites", "/api/v1/models/{id}/members", "/api/v1/teams/{id}/members");
    });
  };
  if (made) {
    return (
      <div className="stack">
        <HandOn title={`${made.email} is invited`} url={made.url} expiresAt={made.expires_at}>
          Hand this link on to them: with it they make an account.
        </HandOn>
        <div className="dialog-actions">
          <Button onClick={onClose}>I have copied it</Button>
        </div>
      </div>
    );
  }
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <TextInput
        data-autofocus
        label="E-mail"
        type="email"
        autoComplete="off"
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        error={field("email")}
      />
      {own.length > 0 && (
        <fieldset className="stack" style={{ gap: 8 }}>
          <legend>Models that they see</legend>
          {own.map((model) => (
            <Checkbox
              key={model.id}
              label={visible(model.name)}
              checked={brings.has(model.id)}
              onChange={() => toggle(model.id)}
            />
          ))}
          <NativeSelect
            label="There they may"
            data={[
              { value: "viewer", label: "look" },
              { value: "collaborator", label: "change tables" },
            ]}
            value={access}
            onChange={(event) => setAccess(event.currentTarget.value as typeof access)}
          />
        </fieldset>
      )}
      {led.length > 0 && (
        <fieldset className="stack" style={{ gap: 8 }}>
          <legend>Teams that they join</legend>
          {led.map((team) => (
            <Checkbox
              key={team.id}
              label={visible(team.name)}
              checked={brings.has(team.id)}
              onChange={() => toggle(team.id)}
            />
          ))}
        </fieldset>
      )}
      {problem && !field("email") && <ProblemNotice problem={problem} />}
      <div className="dialog-actions" style={{ marginTop: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy} disabled={email.trim() === ""}>
          Invite
        </Button>
      </div>
    </form>
  );
}
