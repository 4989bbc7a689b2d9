import { Button, Menu, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { ChevronDown, Search } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { answer, api, refresh, type User, useMe } from "../api/client";
import { MoreButton, useListed } from "../api/listed";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { HandOn } from "../ui/HandOn";
import { spelled } from "../ui/invisible";
import { ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { useAction } from "../ui/useAction";
import { visible } from "../ui/Visible";

interface Reset {
  user: User;
  url: string;
  expires_at: string;
}

/** All accounts, for administrators. */
export default function People() {
  const me = useMe().data;
  const [text, setText] = useState("");
  const [search] = useDebouncedValue(text.trim(), 250);
  const users = useListed<User>(["get", "/api/v1/users", search], (after) =>
    api.GET("/api/v1/users", { params: { query: { limit: 100, after, search: search || undefined } } }),
  );
  const [asked, setAsked] = useState<{ user: User; change: "disable" | "admin" } | null>(null);
  const [reset, setReset] = useState<Reset | null>(null);
  const { problem, run } = useAction();
  const change = async (user: User, body: { admin?: boolean; disabled?: boolean }) => {
    await answer(api.PATCH("/api/v1/users/{id}", { params: { path: { id: user.id } }, body }));
    await refresh("/api/v1/users", "/api/v1/me", "/api/v1/audit");
  };
  return (
    <>
      <PageHeader title="People">
        <Button component={Link} to={to.invitations}>
          Invite somebody
        </Button>
      </PageHeader>
      <p className="dim text" style={{ marginTop: 0 }}>
        Being an administrator opens nobody’s Models or connections.
      </p>
      <div className="stack">
        <TextInput
          data-search
          className="form"
          aria-label="Search people"
          placeholder="Search by name or e-mail address"
          leftSection={<Search size={16} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {problem && <ProblemNotice problem={problem} />}
        <Async
          query={users}
          empty={(items) =>
            items.length === 0 ? (
              <Empty
                title="Nobody is called that"
                action={
                  <Button variant="default" onClick={() => setText("")}>
                    Clear search
                  </Button>
                }
              />
            ) : undefined
          }
        >
          {(items) => (
            <>
              <div className="table-wrap">
                <table className="list folding" aria-label="People">
                  <thead>
                    <tr>
                      <th>Who</th>
                      <th>Is</th>
                      <th>Since</th>
                      <th>
                        <span className="visually-hidden">Actions</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((user) => (
                      <tr key={user.id}>
                        <td>
                          <strong>{visible(user.name)}</strong>
                          {user.id === me?.id && <span className="dim"> (you)</span>}
                          <div className="dim small">{visible(user.email)}</div>
                        </td>
                        <td data-label="Is">
                          {user.disabled ? (
                            <span className="badge">disabled</span>
                          ) : user.admin ? (
                            "administrator"
                          ) : (
                            "person"
                          )}
                        </td>
                        <td data-label="Since">
                          <TimeAgo at={user.created_at} />
                        </td>
                        <td className="num">
                          <Menu position="bottom-end">
                            <Menu.Target>
                              <Button
                                variant="default"
                                size="xs"
                                rightSection={<ChevronDown size={14} />}
                                aria-label={`Manage ${spelled(user.name)}`}
                              >
                                Manage
                              </Button>
                            </Menu.Target>
                            <Menu.Dropdown>
                              <Menu.Item
                                disabled={user.disabled}
                                onClick={() =>
                                  void run(async () => {
                                    const params = { path: { id: user.id } };
                                    const link = await answer(
                                      api.POST("/api/v1/users/{id}/password-reset", { params }),
                                    );
                                    setReset({ user, ...link });
                                  })
                                }
                              >
                                Make a link to a new password
                              </Menu.Item>
                              <Menu.Item component={Link} to={to.audit({ actor: user.email })}>
                                What they did
                              </Menu.Item>
                              <Menu.Divider />
                              <Menu.Item onClick={() => setAsked({ user, change: "admin" })}>
                                {user.admin ? "Take the administrator’s rights…" : "Make an administrator…"}
                              </Menu.Item>
                              <Menu.Item
                                c={user.disabled ? undefined : "var(--danger)"}
                                onClick={() =>
                                  user.disabled
                                    ? void run(() => change(user, { disabled: false }))
                                    : setAsked({ user, change: "disable" })
                                }
                              >
                                {user.disabled ? "Enable" : "Disable…"}
                              </Menu.Item>
                            </Menu.Dropdown>
                          </Menu>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              <MoreButton query={users} />
            </>
          )}
        </Async>
      </div>
      <Confirm
        opened={asked?.change === "disable"}
        onClose={() => setAsked(null)}
        title="Disable account"
        action="Disable account"
        danger
        run={async () => asked && change(asked.user, { disabled: true })}
      >
        {spelled(asked?.user.name ?? "")} is signed out everywhere, their tokens are refused, their streams
        end, and their jobs that wait are not done. What they own stays, and others see it as before.
      </Confirm>
      <Confirm
        opened={asked?.change === "admin"}
        onClose={() => setAsked(null)}
        title={asked?.user.admin ? "Take the rights away" : "Make an administrator"}
        action={asked?.user.admin ? "Take them away" : "Make an administrator"}
        run={async () => asked && change(asked.user, { admin: !asked.user.admin })}
      >
        {asked?.user.admin
          ? `${spelled(asked.user.name)} can’t manage accounts any more.`
          : `${spelled(asked?.user.name ?? "")} can then disable accounts, make links to new passwords and read the audit.`}
      </Confirm>
      <Dialog opened={reset !== null} onClose={() => setReset(null)} title="A new password">
        {reset && (
          <div className="stack">
            <HandOn
              title={`A link for ${spelled(reset.user.name)}`}
              url={reset.url}
              expiresAt={reset.expires_at}
            >
              Hand it on to them and nobody else: whoever opens it sets the password. An earlier link is good
              no more.
            </HandOn>
            <div className="dialog-actions">
              <Button onClick={() => setReset(null)}>I have copied it</Button>
            </div>
          </div>
        )}
      </Dialog>
    </>
  );
}
