import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { Member } from "../api/client";
import { Confirm } from "../ui/Confirm";
import { spelled } from "../ui/invisible";
import { ReasonButton } from "../ui/Reason";
import { visible } from "../ui/Visible";

export interface Listed {
  id: string;
  kind: Member["kind"];
  name: string;
  email?: string | null;
  /** What they may do: one of the levels, or `owner`. */
  level: string;
  /** Why it can't be changed; null where it can. */
  fixed: string | null;
  /** The team through which they may. */
  via?: string | null;
  /** Who looks at the page. */
  own: boolean;
}

interface Props<M extends Listed> {
  label: string;
  members: M[];
  levels: { value: string; label: string }[];
  ownerWord?: string;
  busy: boolean;
  onLevel: (member: M, level: string) => void;
  onRemove: (member: M) => Promise<unknown>;
  /** Why nobody, not even themselves, can be taken out. */
  stays?: (member: M) => string | null;
}

/** People, teams and invitations, what each may do, and the way out. */
export function MemberTable<M extends Listed>(props: Props<M>) {
  const { label, members, levels, ownerWord, busy, onLevel, onRemove, stays } = props;
  const [leaving, setLeaving] = useState<M | null>(null);
  return (
    <>
      <div className="table-wrap">
        <table className="list folding" aria-label={label}>
          <thead>
            <tr>
              <th>Who</th>
              <th>May</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {members.map((member) => (
              <tr key={`${member.id} ${member.via ?? ""}`}>
                <td>
                  <strong>{visible(member.name)}</strong>
                  {member.own && <span className="dim"> (you)</span>}{" "}
                  {member.kind !== "user" && (
                    <span className="badge">{member.kind === "team" ? "team" : "invited"}</span>
                  )}
                  {member.via && <span className="badge">through {visible(member.via)}</span>}
                  {member.kind === "user" && <div className="dim small">{visible(member.email ?? "")}</div>}
                </td>
                <td data-label="May">
                  {member.level === "owner" ? (
                    ownerWord
                  ) : levels.length === 1 ? (
                    levels[0]?.label
                  ) : (
                    <NativeSelect
                      size="xs"
                      aria-label={`What ${spelled(member.name)} may do`}
                      title={member.fixed ?? undefined}
                      disabled={member.fixed !== null || busy}
                      data={levels}
                      value={member.level}
                      onChange={(event) => onLevel(member, event.currentTarget.value)}
                    />
                  )}
                </td>
                <td className="num">
                  {member.level !== "owner" && !member.via && (
                    <ReasonButton
                      variant="default"
                      size="xs"
                      aria-label={member.own ? "Leave" : `Remove ${spelled(member.name)}`}
                      reason={stays?.(member) ?? (member.own ? null : member.fixed)}
                      onClick={() => setLeaving(member)}
                    >
                      {member.own ? "Leave" : "Remove"}
                    </ReasonButton>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Confirm
        opened={leaving !== null}
        onClose={() => setLeaving(null)}
        title={leaving?.own ? "Leave" : `Remove ${spelled(leaving?.name ?? "")}`}
        action={leaving?.own ? "Leave" : "Remove"}
        danger
        run={async () => {
          if (leaving) await onRemove(leaving);
        }}
      >
        {leaving?.own
          ? "You see nothing of it any more, until you are taken in again."
          : "It takes effect at once: what they have open stops."}
      </Confirm>
    </>
  );
}
