import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { $api, answer, api, type Problem, queryClient } from "../api/client";
import Icon from "../icon.svg";
import { Async } from "../ui/Async";
import { showProblem } from "../ui/form";
import { ProblemNotice } from "../ui/Notice";

/** Signs in, or makes the account: the first one ever, or any where the operator lets everybody in. */
export default function SignIn() {
  const state = $api.useQuery("get", "/api/v1/sign-up");
  const [making, setMaking] = useState(false);
  return (
    <main className="sign-in">
      <title>Sign in · Mycorr</title>
      <div className="sign-in-card">
        <img src={Icon} width={40} height={40} alt="" />
        <Async query={state}>
          {({ first, open }) => (
            <AccountForm
              key={String(first || making)}
              signUp={first || making}
              first={first}
              other={first || !open ? undefined : () => setMaking(!making)}
            />
          )}
        </Async>
      </div>
    </main>
  );
}

interface Props {
  signUp: boolean;
  first: boolean;
  /** Changes to the other form. */
  other?: () => void;
}

function AccountForm({ signUp, first, other }: Props) {
  const [, navigate] = useLocation();
  const search = useSearch();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { name: "", email: "", password: "" },
    validate: {
      name: (name) => (signUp && name.trim() === "" ? "Say what others shall call you." : null),
      email: (email) => (/^\S+@\S+$/.test(email.trim()) ? null : "Write an e-mail address."),
      password: (password) => {
        if (password === "") return "Write your password.";
        return signUp && [...password].length < 10 ? "At least 10 characters." : null;
      },
    },
  });
  const submit = form.onSubmit(async ({ name, email, password }) => {
    setBusy(true);
    setProblem(null);
    try {
      await answer(
        signUp
          ? api.POST("/api/v1/sign-up", { body: { name, email: email.trim(), password } })
          : api.POST("/api/v1/sign-in", { body: { email: email.trim(), password } }),
      );
      queryClient.clear();
      const next = new URLSearchParams(search).get("next") ?? "/";
      // Only a path of this page: `//host` would lead away.
      navigate(/^\/(?![/\\])/.test(next) ? next : "/", { replace: true });
    } catch (error) {
      setProblem(showProblem(form, error));
      setBusy(false);
    }
  });
  const title = first ? "Set up Mycorr" : signUp ? "Create your account" : "Sign in to Mycorr";
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <div>
        <h1>{title}</h1>
        {first && <p className="dim">There is no account yet. Yours becomes the administrator's.</p>}
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {signUp && (
        <TextInput label="Name" autoComplete="name" key={form.key("name")} {...form.getInputProps("name")} />
      )}
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        key={form.key("email")}
        {...form.getInputProps("email")}
      />
      <PasswordInput
        label="Password"
        description={signUp ? "At least 10 characters. A sentence is easy to keep in mind." : undefined}
        autoComplete={signUp ? "new-password" : "current-password"}
        key={form.key("password")}
        {...form.getInputProps("password")}
      />
      <Button type="submit" loading={busy} fullWidth>
        {first ? "Create the administrator" : signUp ? "Create account" : "Sign in"}
      </Button>
      {other && (
        <Button variant="subtle" onClick={other}>
          {signUp ? "Sign in instead" : "Create an account"}
        </Button>
      )}
    </form>
  );
}
