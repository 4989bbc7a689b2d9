import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { $api, answer, api, refresh, type TeamMember, useMe } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { HandOn } from "../ui/HandOn";
import { spelled } from "../ui/invisible";
import { NameForm } from "../ui/NameForm";
import { Notice, ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { ReasonButton } from "../ui/Reason";
import { useAction } from "../ui/useAction";
import { MemberTable } from "./MemberTable";

type Role = TeamMember["role"];

const ROLES = [
  { value: "member", label: "member" },
  { value: "admin", label: "admin" },
];

const changed = () =>
  refresh("/api/v1/teams", "/api/v1/teams/{id}", "/api/v1/teams/{id}/members", "/api/v1/invites");

/** Who is in a team, and what they are there. */
export default function Team({ id }: { id: string }) {
  const params = { path: { id } };
  const team = $api.useQuery("get", "/api/v1/teams/{id}", { params });
  const members = $api.useQuery("get", "/api/v1/teams/{id}/members", { params });
  const me = useMe().data;
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const [, navigate] = useLocation();
  const { busy, problem, run } = useAction();
  const reason = team.data?.role === "admin" ? null : "Only an admin of this team can do that.";
  const put = (email: string, role: Role) =>
    answer(api.PUT("/api/v1/teams/{id}/members", { params, body: { email, role } }));
  const admins = members.data?.items.filter((one) => one.role === "admin" && one.kind === "user").length ?? 0;
  return (
    <>
      <PageHeader title={team.data?.name ?? "Team"} parent={{ label: "Teams", to: to.teams }}>
        {team.data && (
          <>
            <ReasonButton variant="default" reason={reason} onClick={() => setDialog("rename")}>
              Rename
            </ReasonButton>
            <ReasonButton
              variant="default"
              c={reason === null ? "var(--danger)" : undefined}
              reason={reason}
              onClick={() => setDialog("delete")}
            >
              Delete
            </ReasonButton>
          </>
        )}
      </PageHeader>
      <Async query={team}>
        {(data) => (
          <div className="stack">
            {reason && (
              <Notice tone="info" title="You are a member of this team; its admins decide who is in it." />
            )}
            <AddPerson reason={reason} put={put} />
            {problem && <ProblemNotice problem={problem} />}
            <Async query={members}>
              {({ items }) => (
                <MemberTable
                  label="Members of the team"
                  members={items.map((member) => ({
                    ...member,
                    level: member.role as string,
                    fixed: reason,
                    own: member.email === me?.email,
                  }))}
                  levels={ROLES}
                  busy={busy}
                  stays={(member) =>
                    member.kind === "user" && member.role === "admin" && admins === 1
                      ? "This is the last admin. Make somebody else one first."
                      : null
                  }
                  onLevel={(member, role) =>
                    void run(async () => {
                      await put(member.email ?? "", role as Role);
                      await changed();
                    })
                  }
                  onRemove={async (member) => {
                    await answer(
                      member.kind === "invite"
                        ? api.DELETE("/api/v1/invites/{id}", { params: { path: { id: member.id } } })
                        : api.DELETE("/api/v1/teams/{id}/members/{user_id}", {
                            params: { path: { id, user_id: member.id } },
                          }),
                    );
                    if (member.own) navigate(to.teams);
                    await changed();
                  }}
                />
              )}
            </Async>
            <Dialog opened={dialog === "rename"} onClose={() => setDialog(null)} title="Rename team">
              <NameForm
                name={data.name}
                action="Rename"
                onClose={() => setDialog(null)}
                save={async (name) => {
                  await answer(api.PATCH("/api/v1/teams/{id}", { params, body: { name } }));
                  await changed();
                }}
              />
            </Dialog>
            <Confirm
              opened={dialog === "delete"}
              onClose={() => setDialog(null)}
              title="Delete team"
              action="Delete team"
              typed={data.name}
              danger
              run={async () => {
                await answer(api.DELETE("/api/v1/teams/{id}", { params }));
                navigate(to.teams);
                await changed();
              }}
            >
              What was shared with it is shared with nobody in it any more, unless it was shared with them
              too.
            </Confirm>
          </div>
        )}
      </Async>
    </>
  );
}

function AddPerson({
  reason,
  put,
}: {
  reason: string | null;
  put: (email: string, role: Role) => Promise<TeamMember>;
}) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [added, setAdded] = useState<TeamMember | null>(null);
  const { busy, problem, run, field } = useAction();
  const disabled = reason !== null;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const done = await run(async () => {
      setAdded(await put(email.trim(), role));
      await changed();
    });
    if (done) setEmail("");
  };
  return (
    <form
      onSubmit={submit}
      className="stack"
      style={{ gap: 8 }}
      noValidate
      aria-label="Add somebody to the team"
    >
      <div className="row" style={{ alignItems: "flex-end" }}>
        <TextInput
          style={{ flex: "1 1 220px", maxWidth: 480 }}
          label="E-mail"
          type="email"
          autoComplete="off"
          disabled={disabled}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={field("email")}
        />
        <NativeSelect
          label="As"
          disabled={disabled}
          data={ROLES}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        />
        <Button type="submit" loading={busy} disabled={disabled || email.trim() === ""}>
          Add
        </Button>
      </div>
      {problem && !field("email") && <ProblemNotice problem={problem} />}
      {added?.invite && (
        <HandOn
          title={`${spelled(added.name)} has no account yet`}
          url={added.invite.url}
          expiresAt={added.invite.expires_at}
        >
          Hand this link on to them: with it they make an account and are in the team.
        </HandOn>
      )}
    </form>
  );
}
