import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { answer, api, queryClient } from "../api/client";
import { to } from "../routes";
import { Notice, ProblemNotice } from "../ui/Notice";
import { useAction } from "../ui/useAction";
import { MIN_PASSWORD } from "./AccountForm";
import { Entrance } from "./Entrance";

/** Where the link to a new password leads; without a token, where one is asked for. */
export default function PasswordReset({ token }: { token?: string }) {
  return token === undefined ? <Forgotten /> : <NewPassword token={token} />;
}

function NewPassword({ token }: { token: string }) {
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  const { busy, problem, run, field } = useAction();
  const short = password !== "" && [...password].length < MIN_PASSWORD;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      await answer(
        api.POST("/api/v1/password-resets/{token}", { params: { path: { token } }, body: { password } }),
      );
      // Every session has ended, the one of this browser too.
      queryClient.clear();
      setDone(true);
    });
  };
  if (done) {
    return (
      <Entrance title="New password">
        <h1>New password</h1>
        <Notice tone="success" title="Your new password is set">
          <p>You were signed out everywhere.</p>
        </Notice>
        <Button component={Link} to={to.signIn} autoFocus fullWidth>
          Sign in
        </Button>
      </Entrance>
    );
  }
  return (
    <Entrance title="New password">
      <form onSubmit={submit} className="stack" noValidate>
        <div>
          <h1>Set a new password</h1>
          <p className="dim">You will be signed out everywhere.</p>
        </div>
        {problem && !field("password") && <ProblemNotice problem={problem} />}
        <PasswordInput
          autoFocus
          label="New password"
          description={`At least ${MIN_PASSWORD} characters. A sentence is easy to keep in mind.`}
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={field("password")}
        />
        <Button type="submit" loading={busy} disabled={password === "" || short} fullWidth>
          Set password
        </Button>
      </form>
    </Entrance>
  );
}

function Forgotten() {
  const [email, setEmail] = useState("");
  const [sent, setSent] = useState(false);
  const { busy, problem, run, field } = useAction();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      await answer(api.POST("/api/v1/password-resets", { body: { email: email.trim() } }));
      setSent(true);
    });
  };
  return (
    <Entrance title="Forgotten password">
      <form onSubmit={submit} className="stack" noValidate>
        <div>
          <h1>Forgotten password</h1>
          <p className="dim">A link to a new one is mailed to you, if this Mycorr sends mail.</p>
        </div>
        {problem && !field("email") && <ProblemNotice problem={problem} />}
        <TextInput
          autoFocus
          label="E-mail"
          type="email"
          autoComplete="username"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={field("email")}
        />
        <Button type="submit" loading={busy} disabled={email.trim() === ""} fullWidth>
          Ask for a link
        </Button>
        {sent && (
          <Notice tone="info" title="Asked">
            <p>
              If there is an account with this address and mail is set up, a link is on its way. If none
              comes, ask an administrator of this Mycorr: they can make one for you.
            </p>
          </Notice>
        )}
        <Link className="link" to={to.signIn}>
          Back to signing in
        </Link>
      </form>
    </Entrance>
  );
}
