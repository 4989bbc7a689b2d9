import { Button } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { answer, api, refresh } from "../api/client";
import { to } from "../routes";
import { ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { useAction } from "../ui/useAction";

/** Where somebody takes over a connection that was offered to them. */
export default function ConnectionAccept({ id }: { id: string }) {
  const [, navigate] = useLocation();
  const { busy, problem, run } = useAction();
  const accept = () =>
    run(async () => {
      await answer(api.POST("/api/v1/connections/{id}/accept", { params: { path: { id } } }));
      await refresh("/api/v1/connections", "/api/v1/connections/{id}");
      navigate(to.connection(id), { replace: true });
    });
  return (
    <>
      <PageHeader title="Take over a connection" parent={{ label: "Connections", to: to.connections }} />
      <div className="stack form">
        <p style={{ margin: 0 }}>
          A connection was offered to you. When you accept, it is yours: you see where it leads and what was
          sent through it, and you decide who may sync. Its password stays sealed and is shown to nobody.
        </p>
        {problem && (
          <ProblemNotice problem={problem}>
            {problem.status === 404 && (
              <Button component={Link} to={to.connections} variant="default">
                Go to your connections
              </Button>
            )}
          </ProblemNotice>
        )}
        <div>
          <Button onClick={accept} loading={busy}>
            Accept the connection
          </Button>
        </div>
      </div>
    </>
  );
}
