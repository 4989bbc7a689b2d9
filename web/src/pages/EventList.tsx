import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import type { Event } from "../api/client";
import { MoreButton } from "../api/listed";
import { Async, Empty } from "../ui/Async";
import { count } from "../ui/format";
import { TimeAgo } from "../ui/TimeAgo";
import { Name, visible } from "../ui/Visible";

/** What was done, in words; what a newer server may add is shown by its name. */
const WORDS: Record<string, string> = {
  "account.created": "made an account",
  "account.disabled": "disabled the account",
  "account.enabled": "enabled the account",
  "account.admin_granted": "made an administrator of",
  "account.admin_revoked": "took an administrator's rights from",
  "account.password_changed": "changed the password of",
  "account.password_reset_made": "made a link to a new password for",
  "account.identity_added": "joined a sign-in provider to",
  "account.identity_removed": "took a sign-in provider from",
  "token.created": "made a token",
  "token.deleted": "revoked a token",
  "invite.created": "invited",
  "invite.deleted": "took back the invitation of",
  "connection.created": "made a connection",
  "connection.changed": "changed a connection",
  "connection.offered": "offered a connection",
  "connection.transferred": "took over a connection",
  "connection.deleted": "deleted a connection",
  "team.created": "made a team",
  "team.deleted": "deleted a team",
  "team.member_added": "changed who is in a team",
  "team.member_removed": "took somebody out of a team",
  "member.added": "shared",
  "member.removed": "stopped sharing",
  "model.created": "made the Model",
  "model.renamed": "renamed the Model",
  "model.transferred": "handed over the Model",
  "model.deleted": "deleted the Model",
  "table.imported": "imported",
  "table.synced": "synced",
  "table.sync_held": "held a sync of",
  "table.sync_accepted": "accepted a sync that was held of",
  "table.sync_discarded": "discarded a sync that was held of",
  "table.sync_policy_changed": "changed which syncs are held of",
  "table.versions_deleted": "removed versions of",
  "table.restored": "restored",
  "table.renamed": "renamed",
  "table.deleted": "deleted",
  "table.schedule_set": "set a schedule for",
  "table.schedule_paused": "paused the schedule of",
  "table.schedule_deleted": "removed the schedule of",
  "table.source_changed": "pointed to another connection:",
};

/** What administrators can filter by. */
export const AUDITED = Object.keys(WORDS).filter((action) => !/^(model|table)\./.test(action));

export const actionWords = (action: string) => WORDS[action] ?? action;

/** The server writes numbers of rows plainly. */
const withSeparators = (detail: string) =>
  detail.replace(/\b\d{4,}(?= rows?\b)/g, (digits) => count(Number(digits)));

interface Props {
  query: UseInfiniteQueryResult<Event[]>;
  label: string;
  empty: string;
}

export function EventList({ query, label, empty }: Props) {
  return (
    <Async query={query} empty={(items) => (items.length === 0 ? <Empty title={empty} /> : undefined)}>
      {(items) => (
        <div className="stack">
          <div className="table-wrap">
            <table className="list folding" aria-label={label}>
              <thead>
                <tr>
                  <th>When</th>
                  <th>Who</th>
                  <th>What</th>
                  <th>Detail</th>
                </tr>
              </thead>
              <tbody>
                {items.map((event) => (
                  <tr key={event.id}>
                    <td className="nowrap">
                      <TimeAgo at={event.at} />
                    </td>
                    <td data-label="Who">
                      {event.actor ? (
                        <>
                          <Name text={event.actor.name} />
                          <div className="dim small">{visible(event.actor.email)}</div>
                        </>
                      ) : (
                        <span className="dim">the operator, or an account that is gone</span>
                      )}
                    </td>
                    <td data-label="What">
                      {actionWords(event.action)}{" "}
                      <strong className="anywhere">{visible(event.object)}</strong>
                    </td>
                    <td data-label={event.detail === "" ? undefined : "Detail"}>
                      {visible(withSeparators(event.detail))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <MoreButton query={query} />
        </div>
      )}
    </Async>
  );
}
