import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { Link } from "wouter";
import { answer, api, type Problem } from "../api/client";
import { to } from "../routes";
import { showProblem } from "../ui/form";
import { ProblemNotice } from "../ui/Notice";

/** In characters. */
export const MIN_PASSWORD = 10;

interface Props {
  signUp: boolean;
  first: boolean;
  /** Stands above the fields; left out: what the form does. */
  title?: string;
  words?: string;
  /** Who was signed in before. */
  email?: string;
  /** The token of an invitation, which is for `email` and no other address. */
  invite?: string;
  /** Nobody can make an account alone. */
  closed?: boolean;
  /** Changes to the other form. */
  other?: () => void;
  onDone: (email: string) => void;
}

/** E-mail and password; for a new account a name too. */
export default function AccountForm(props: Props) {
  const { signUp, first, other } = props;
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { name: "", email: props.email ?? "", password: "" },
    validate: {
      name: (name) => (signUp && name.trim() === "" ? "Say what others shall call you." : null),
      email: (email) => (/^\S+@\S+$/.test(email.trim()) ? null : "Write an e-mail address."),
      password: (password) => {
        if (password === "") return "Write your password.";
        return signUp && [...password].length < MIN_PASSWORD ? `At least ${MIN_PASSWORD} characters.` : null;
      },
    },
  });
  const submit = form.onSubmit(async ({ name, email, password }) => {
    setBusy(true);
    setProblem(null);
    try {
      await answer(
        signUp
          ? api.POST("/api/v1/sign-up", {
              body: { name, email: email.trim(), password, invite: props.invite },
            })
          : api.POST("/api/v1/sign-in", { body: { email: email.trim(), password } }),
      );
      props.onDone(email.trim());
    } catch (error) {
      setProblem(showProblem(form, error));
      setBusy(false);
    }
  });
  const title = first ? "Set up Mycorr" : signUp ? "Create your account" : "Sign in to Mycorr";
  const words = first ? "There is no account yet. Yours becomes the administrator's." : props.words;
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <div>
        <h1>{props.title ?? title}</h1>
        {words && <p className="dim">{words}</p>}
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {signUp && (
        <TextInput
          autoFocus
          label="Name"
          autoComplete="name"
          key={form.key("name")}
          {...form.getInputProps("name")}
        />
      )}
      <TextInput
        autoFocus={!signUp && !props.email}
        label="E-mail"
        type="email"
        autoComplete="username"
        readOnly={props.invite !== undefined}
        key={form.key("email")}
        {...form.getInputProps("email")}
      />
      <PasswordInput
        data-autofocus={props.email ? true : undefined}
        label="Password"
        description={
          signUp ? `At least ${MIN_PASSWORD} characters. A sentence is easy to keep in mind.` : undefined
        }
        autoComplete={signUp ? "new-password" : "current-password"}
        key={form.key("password")}
        {...form.getInputProps("password")}
      />
      <Button type="submit" loading={busy} fullWidth>
        {first ? "Create the administrator" : signUp ? "Create account" : "Sign in"}
      </Button>
      {other && (
        <Button variant="subtle" onClick={other}>
          {!signUp ? "Create an account" : props.invite ? "I have an account" : "Sign in instead"}
        </Button>
      )}
      {!signUp && (
        <Link className="link" to={to.passwordReset()}>
          Forgot your password?
        </Link>
      )}
      {props.closed && (
        <p className="dim small">
          No account yet? Whoever runs this Mycorr makes one for you, or invites you.
        </p>
      )}
    </form>
  );
}
