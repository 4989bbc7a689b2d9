import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { $api, answer, api, type Member, type Model, refresh, type Table, useMe } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { CopyButton } from "../ui/Copy";
import { Dialog, useReturnFocus } from "../ui/Dialog";
import { HandOn } from "../ui/HandOn";
import { spelled } from "../ui/invisible";
import { Notice, ProblemNotice } from "../ui/Notice";
import { useAction } from "../ui/useAction";
import { Name } from "../ui/Visible";
import { MemberTable } from "./MemberTable";

interface Props {
  model: Model;
  /** Left out: the whole Model. */
  table?: Table | undefined;
  onClose: () => void;
}

const MAY = [
  { value: "viewer", label: "look" },
  { value: "collaborator", label: "change tables" },
];

/** Who may see a Model, or one table of it alone, and what they may do. */
export default function ShareDialog({ model, table, onClose }: Props) {
  useReturnFocus();
  return (
    <Dialog opened onClose={onClose} size="lg" title={`Share ${spelled((table ?? model).name)}`}>
      <Share model={model} table={table} onClose={onClose} />
    </Dialog>
  );
}

function Share({ model, table, onClose }: Props) {
  const me = useMe().data;
  const [, navigate] = useLocation();
  const ofModel = $api.useQuery("get", "/api/v1/models/{id}/members", { params: { path: { id: model.id } } });
  const ofTable = $api.useQuery(
    "get",
    "/api/v1/tables/{id}/members",
    { params: { path: { id: table?.id ?? "" } } },
    { enabled: table !== undefined },
  );
  const members = table ? ofTable : ofModel;
  const owner = model.access === "owner";
  const reason = owner
    ? null
    : `Only ${spelled(model.owner.name)}, who owns this Model, can change who sees it.`;
  const [added, setAdded] = useState<Member | null>(null);
  const changing = useAction();
  const changed = () =>
    refresh("/api/v1/models/{id}/members", "/api/v1/tables/{id}/members", "/api/v1/invites");

  const put = (who: { email: string } | { team_id: string }, access: Member["access"]) =>
    table
      ? api.PUT("/api/v1/tables/{id}/members", { params: { path: { id: table.id } }, body: who })
      : api.PUT("/api/v1/models/{id}/members", {
          params: { path: { id: model.id } },
          body: { ...who, access },
        });
  const remove = async (member: Member) => {
    const member_id = member.id;
    await answer(
      table
        ? api.DELETE("/api/v1/tables/{id}/members/{member_id}", {
            params: { path: { id: table.id, member_id } },
          })
        : api.DELETE("/api/v1/models/{id}/members/{member_id}", {
            params: { path: { id: model.id, member_id } },
          }),
    );
    if (member.email === me?.email && !owner) {
      navigate(to.models);
      await refresh("/api/v1/models");
      return;
    }
    await changed();
  };
  const link = table ? to.table(table.id) : to.model(model.id);
  return (
    <div className="stack">
      {table && (
        <p className="dim" style={{ margin: 0 }}>
          Who is listed here sees this table and nothing else of <Name text={model.name} />. Whoever may see
          the Model sees the table anyway.
        </p>
      )}
      {reason && <Notice tone="info" title={reason} />}
      <AddMember
        ofTable={table !== undefined}
        reason={reason}
        add={async (who, access) => {
          const member = await answer<Member>(put(who, access));
          setAdded(member);
          await changed();
        }}
      />
      <div role="status">
        {added && !added.invite && (
          <span>
            <Name text={added.name} /> {added.kind === "invite" ? "is invited already" : "may see it now"}.
          </span>
        )}
      </div>
      {added?.invite && (
        <HandOn
          title={`${spelled(added.name)} has no account yet`}
          url={added.invite.url}
          expiresAt={added.invite.expires_at}
        >
          Hand this link on to them: with it they make an account and see what you have shared.
        </HandOn>
      )}
      {changing.problem && <ProblemNotice problem={changing.problem} />}
      <Async
        query={members}
        empty={({ items }) =>
          items.length === 0 ? <p className="dim">Nobody was shown this table alone.</p> : undefined
        }
      >
        {({ items }) => (
          <MemberTable
            label="Members"
            members={items.map((member) => ({
              ...member,
              level: member.access,
              fixed: member.via ? `They are in the team ${spelled(member.via)}.` : reason,
              own: member.kind === "user" && member.email === me?.email,
            }))}
            levels={table ? MAY.slice(0, 1) : MAY}
            ownerWord="owner"
            busy={changing.busy}
            onLevel={(member, access) =>
              void changing.run(async () => {
                await answer(put(whoIs(member), access as Member["access"]));
                await changed();
              })
            }
            onRemove={(member) => remove(member)}
          />
        )}
      </Async>
      <div className="dialog-actions">
        <CopyButton words text={new URL(link, window.location.href).href} label="Copy link" />
        <Button variant="default" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}

/** As the request calls a member; an invitation is told by its address, as a person is. */
const whoIs = ({ team_id, email }: Member) => (team_id ? { team_id } : { email: email ?? "" });

interface AddProps {
  ofTable: boolean;
  reason: string | null;
  add: (who: { email: string } | { team_id: string }, access: Member["access"]) => Promise<void>;
}

function AddMember({ ofTable, reason, add }: AddProps) {
  const teams = $api.useQuery("get", "/api/v1/teams", { params: { query: { limit: 1000 } } });
  const [team, setTeam] = useState("");
  const [email, setEmail] = useState("");
  const [access, setAccess] = useState("viewer");
  const { busy, problem, run, field } = useAction();
  const disabled = reason !== null;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const who = team ? { team_id: team } : { email: email.trim() };
    if (await run(() => add(who, access as Member["access"]))) setEmail("");
  };
  const all = teams.data?.items ?? [];
  return (
    <form onSubmit={submit} className="stack" style={{ gap: 8 }} noValidate aria-label="Add a member">
      <div className="row" style={{ alignItems: "flex-end" }}>
        {all.length > 0 && (
          <NativeSelect
            label="With"
            disabled={disabled}
            data={[
              { value: "", label: "a person" },
              ...all.map(({ id, name }) => ({ value: id, label: `team ${spelled(name)}` })),
            ]}
            value={team}
            onChange={(event) => setTeam(event.currentTarget.value)}
          />
        )}
        {team === "" && (
          <TextInput
            data-autofocus={disabled ? undefined : true}
            style={{ flex: "1 1 220px" }}
            label="E-mail"
            type="email"
            autoComplete="off"
            disabled={disabled}
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
        )}
        {!ofTable && (
          <NativeSelect
            label="May"
            disabled={disabled}
            data={MAY}
            value={access}
            onChange={(event) => setAccess(event.currentTarget.value)}
          />
        )}
        <Button type="submit" loading={busy} disabled={disabled || (team === "" && email.trim() === "")}>
          Share
        </Button>
      </div>
      {field("email") && (
        <p role="alert" className="field-error">
          {field("email")}
        </p>
      )}
      {problem && !field("email") && <ProblemNotice problem={problem} />}
    </form>
  );
}
