import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answer, api, type Me, queryClient, refresh, type Session, useMe } from "../api/client";
import { MoreButton, useListed } from "../api/listed";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Facts } from "../ui/Facts";
import { Notice, ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { useAction } from "../ui/useAction";
import { visible } from "../ui/Visible";
import { MIN_PASSWORD } from "./AccountForm";
import { Identities } from "./Identities";

/** One's own name, password and sessions. */
export default function Account() {
  const me = useMe();
  return (
    <>
      <PageHeader title="Account" />
      <Async query={me}>
        {(data) => (
          <>
            <Name key={data.name} me={data} />
            <Password me={data} />
            <Identities />
            <Sessions />
          </>
        )}
      </Async>
    </>
  );
}

function Name({ me }: { me: Me }) {
  const [name, setName] = useState(me.name);
  const { busy, problem, run, field } = useAction();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      await answer(api.PATCH("/api/v1/me", { body: { name: name.trim() } }));
      await refresh("/api/v1/me", "/api/v1/models");
    });
  };
  return (
    <form onSubmit={submit} className="stack form" noValidate aria-label="Your name">
      <Facts
        facts={[
          [
            "E-mail",
            <>
              {visible(me.email)}
              <div className="dim small">It is how others find you, and can't be changed.</div>
            </>,
          ],
        ]}
      />
      <TextInput
        label="Name"
        autoComplete="name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={field("name")}
      />
      {problem && !field("name") && <ProblemNotice problem={problem} />}
      <div>
        <Button
          type="submit"
          variant="default"
          loading={busy}
          disabled={name.trim() === "" || name.trim() === me.name}
        >
          Save name
        </Button>
      </div>
    </form>
  );
}

function Password({ me }: { me: Me }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [saved, setSaved] = useState(false);
  const { busy, problem, run, field } = useAction();
  const short = next !== "" && [...next].length < MIN_PASSWORD;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSaved(false);
    void run(async () => {
      await answer(api.PATCH("/api/v1/me", { body: { password: { current, new: next } } }));
      setCurrent("");
      setNext("");
      setSaved(true);
      await refresh("/api/v1/sessions");
    });
  };
  return (
    <section className="section">
      <h2>Password</h2>
      <form onSubmit={submit} className="stack form" noValidate aria-label="Your password">
        <input type="hidden" autoComplete="username" value={me.email} readOnly />
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
          error={field("password.current")}
        />
        <PasswordInput
          label="New password"
          description={`At least ${MIN_PASSWORD} characters. A new one ends every other session.`}
          autoComplete="new-password"
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
          error={field("password.new") ?? (short && `At least ${MIN_PASSWORD} characters.`)}
        />
        {problem && !field("password.current") && !field("password.new") && (
          <ProblemNotice problem={problem} />
        )}
        <div className="row">
          <Button
            type="submit"
            variant="default"
            loading={busy}
            disabled={current === "" || next === "" || short}
          >
            Change password
          </Button>
          <span role="status">{saved && "Changed. Every other session has ended."}</span>
        </div>
      </form>
    </section>
  );
}

function Sessions() {
  const sessions = useListed<Session>(["get", "/api/v1/sessions"], (after) =>
    api.GET("/api/v1/sessions", { params: { query: { limit: 100, after } } }),
  );
  const [ending, setEnding] = useState<Session | null>(null);
  return (
    <section className="section">
      <h2>Where you are signed in</h2>
      <Async query={sessions}>
        {(items) => (
          <div className="stack">
            <div className="table-wrap">
              <table className="list folding" aria-label="Sessions">
                <thead>
                  <tr>
                    <th>Browser</th>
                    <th>Address</th>
                    <th>Last seen</th>
                    <th>Signed in</th>
                    <th>
                      <span className="visually-hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((session) => (
                    <tr key={session.id}>
                      <td>
                        <span title={session.agent ?? undefined}>{browserOf(session.agent)}</span>{" "}
                        {session.current && <span className="badge">this one</span>}
                      </td>
                      <td data-label="Address" className="mono">
                        {session.address ? visible(session.address) : <span className="dim">not known</span>}
                      </td>
                      <td data-label="Last seen">
                        <TimeAgo at={session.last_seen_at} />
                      </td>
                      <td data-label="Signed in">
                        <TimeAgo at={session.created_at} />
                      </td>
                      <td className="num">
                        <Button
                          variant="default"
                          size="xs"
                          aria-label={
                            session.current
                              ? "End this session"
                              : `End the session of ${browserOf(session.agent)}`
                          }
                          onClick={() => setEnding(session)}
                        >
                          End
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <MoreButton query={sessions} />
          </div>
        )}
      </Async>
      <Confirm
        opened={ending !== null}
        onClose={() => setEnding(null)}
        title="End session"
        action="End session"
        danger
        run={async () => {
          if (!ending) return;
          await answer(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id: ending.id } } }));
          if (ending.current) await queryClient.invalidateQueries();
          else await refresh("/api/v1/sessions");
        }}
      >
        {ending?.current ? (
          <Notice
            tone="warning"
            title="This is the session that you are using: you will have to sign in again."
          />
        ) : (
          "That browser is signed out at once. Whoever uses it has to sign in again."
        )}
      </Confirm>
    </section>
  );
}

const BROWSERS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrome\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
];

/** `Firefox on Linux`, from what a browser calls itself; else that, shortened. */
export function browserOf(agent: string | null | undefined): string {
  if (!agent) return "unknown";
  const find = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser) return system ? `${browser} on ${system}` : browser;
  return agent.length > 40 ? `${agent.slice(0, 40)}…` : agent;
}
