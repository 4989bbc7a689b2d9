import { Button } from "@mantine/core";
import { useState } from "react";
import { $api, answer, api, refresh } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { ProblemNotice } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { useAction } from "../ui/useAction";
import { visible } from "../ui/Visible";
import { Refused } from "./Providers";

/** The other places where one can sign in to this account. */
export function Identities() {
  const providers = $api.useQuery("get", "/api/v1/sign-in/providers");
  const identities = $api.useQuery("get", "/api/v1/identities");
  const adding = useAction();
  const [removing, setRemoving] = useState<string | null>(null);
  const known = providers.data?.items ?? [];
  if (known.length === 0 && (identities.data?.items.length ?? 0) === 0) return null;
  const add = (provider: string) =>
    adding.run(async () => {
      const { url } = await answer(api.POST("/api/v1/identities", { body: { provider, next: to.account } }));
      window.location.assign(url);
    });
  return (
    <section className="section" aria-labelledby="identities">
      <h2 id="identities">Sign in elsewhere</h2>
      <Refused />
      <Async
        query={identities}
        empty={({ items }) =>
          items.length === 0 ? <p className="dim">You sign in with your password only.</p> : undefined
        }
      >
        {({ items }) => (
          <ul className="plain">
            {items.map((identity) => (
              <li key={identity.id}>
                {known.find(({ id }) => id === identity.provider)?.name}{" "}
                <span className="mono">{visible(identity.issuer)}</span>
                {identity.email && <> as {visible(identity.email)}</>}
                {identity.last_used_at && (
                  <span className="dim">
                    , used <TimeAgo at={identity.last_used_at} />
                  </span>
                )}{" "}
                <Button
                  variant="default"
                  size="xs"
                  aria-label={`Remove ${identity.issuer}`}
                  onClick={() => setRemoving(identity.id)}
                >
                  Remove
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Async>
      {adding.problem && <ProblemNotice problem={adding.problem} />}
      <div className="row">
        {known.map(({ id, name }) => (
          <Button key={id} variant="default" loading={adding.busy} onClick={() => void add(id)}>
            Add {name}
          </Button>
        ))}
      </div>
      <Confirm
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title="Remove a way to sign in"
        action="Remove"
        danger
        run={async () => {
          if (removing === null) return;
          await answer(api.DELETE("/api/v1/identities/{id}", { params: { path: { id: removing } } }));
          await refresh("/api/v1/identities");
        }}
      >
        You can’t sign in there any more. Sessions that you have go on.
      </Confirm>
    </section>
  );
}
