import { Button } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { $api, answer, api, queryClient, useMe } from "../api/client";
import { signOut } from "../shell/signOut";
import { Async, Lines } from "../ui/Async";
import { dateTime } from "../ui/format";
import { ProblemNotice } from "../ui/Notice";
import { useAction } from "../ui/useAction";
import { Name } from "../ui/Visible";
import AccountForm from "./AccountForm";
import { Entrance } from "./Entrance";

/** Where an invitation's link leads: to a new account, or to what the invitation brings to an account that is there. */
export default function Invite({ token }: { token: string }) {
  const state = $api.useQuery("get", "/api/v1/sign-up", { params: { query: { invite: token } } });
  const me = useMe();
  const [known, setKnown] = useState(false);
  const [, navigate] = useLocation();
  const taking = useAction();
  const enter = () => {
    queryClient.clear();
    navigate("/", { replace: true });
  };
  const take = () =>
    taking.run(async () => {
      await answer(api.POST("/api/v1/invites/accept", { body: { invite: token } }));
      enter();
    });
  return (
    <Entrance title="Invitation">
      <Async query={state} title="Invitation">
        {({ invite }) => {
          if (!invite) return null;
          if (me.data) {
            const own = me.data.email === invite.email;
            return (
              <>
                <div>
                  <h1>You are invited</h1>
                  <p className="dim">
                    This invitation is for <Name text={invite.email} />. You are signed in as{" "}
                    <Name text={me.data.email} />.
                  </p>
                </div>
                {taking.problem && <ProblemNotice problem={taking.problem} />}
                {own ? (
                  <Button autoFocus onClick={take} loading={taking.busy} fullWidth>
                    Accept the invitation
                  </Button>
                ) : (
                  <Button
                    autoFocus
                    variant="default"
                    onClick={() => void signOut(window.location.pathname)}
                    fullWidth
                  >
                    Sign out, then open the link again
                  </Button>
                )}
              </>
            );
          }
          if (me.isPending) return <Lines count={4} />;
          return (
            <>
              <AccountForm
                key={String(known)}
                signUp={!known}
                first={false}
                title={known ? "Sign in to accept" : "You are invited"}
                words={`This invitation is for ${invite.email}, until ${dateTime(invite.expires_at)}.`}
                email={invite.email}
                invite={token}
                other={() => setKnown(!known)}
                onDone={() => (known ? void take() : enter())}
              />
              {taking.problem && <ProblemNotice problem={taking.problem} />}
            </>
          );
        }}
      </Async>
    </Entrance>
  );
}
