import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, type Connection, type Problem, toProblem } from "../api/client";
import { LIVE, live } from "../api/live";
import { dateTime, fingerprint } from "../ui/format";
import { ProblemNotice } from "../ui/Notice";
import { SecretField } from "../ui/SecretField";
import { Fingerprint } from "./CertificateChain";
import { CaCertificateField } from "./ConnectionForm";
import { ConnectionTest, failedTest, STARTED, stepped, type TestState } from "./ConnectionTest";

interface Props {
  connection: Connection;
  /** The CA certificate that is being typed; null: what is stored stays. The test beside this asks for one too. */
  certificate: string | null;
  onCertificate: (certificate: string | null) => void;
  onSaved: () => Promise<unknown>;
}

/** The name and the two secrets. What is null stays as it is. */
export function ConnectionChanges({ connection, certificate, onCertificate, onSaved }: Props) {
  const [name, setName] = useState(connection.name);
  const [password, setPassword] = useState<string | null>(null);
  const [removing, setRemoving] = useState(false);
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [test, setTest] = useState<TestState | null>(null);
  const ca = connection.ca_certificate;
  const secrets = password !== null || certificate !== null || removing;
  const dirty = secrets || name.trim() !== connection.name;
  const fieldError = (field: string) => problem?.fields?.find((one) => one.field === field)?.message;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    setSaved(false);
    // A new name alone needs no test.
    setTest(secrets ? STARTED : null);
    try {
      await live(
        api.PATCH("/api/v1/connections/{id}", {
          params: { path: { id: connection.id } },
          body: {
            ...(name.trim() !== connection.name && { name: name.trim() }),
            ...(password !== null && { password }),
            ...(certificate !== null && { ca_certificate: certificate }),
            ...(removing && { ca_certificate: null }),
          },
          ...LIVE,
        }),
        (step) => setTest((before) => stepped(before, step)),
      );
      setTest(null);
      setPassword(null);
      onCertificate(null);
      setRemoving(false);
      setSaved(true);
      await onSaved();
    } catch (error) {
      const shown = toProblem(error);
      const failed = failedTest(shown);
      setTest(failed);
      setProblem(shown);
    }
    setBusy(false);
  };

  return (
    <section className="section">
      <h2>Change</h2>
      <form className="stack form" onSubmit={submit} noValidate aria-label="Change the connection">
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldError("name")}
        />
        <SecretField
          label="Password"
          stored={<span>Set. It cannot be shown.</span>}
          value={password}
          onChange={setPassword}
        >
          <PasswordInput
            label="New password"
            description="Tested before it replaces the stored one."
            autoComplete="new-password"
            autoFocus
            value={password ?? ""}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={fieldError("password")}
          />
        </SecretField>
        {connection.encrypted && (
          <SecretField
            label="Custom CA certificate"
            stored={
              removing ? (
                <span>Will be removed. The public trust store then decides.</span>
              ) : ca ? (
                <div>
                  {ca.subject}
                  <div className="dim small">
                    until {dateTime(ca.not_after)}
                    <br />
                    SHA-256 <Fingerprint text={fingerprint(ca.sha256)} />
                  </div>
                </div>
              ) : (
                <span>None. The public trust store decides.</span>
              )
            }
            value={certificate}
            onChange={(value) => {
              setRemoving(false);
              onCertificate(value);
            }}
            actions={
              ca && (
                <Button variant="default" size="xs" onClick={() => setRemoving(!removing)}>
                  {removing ? "Keep" : "Remove"}
                </Button>
              )
            }
          >
            <CaCertificateField
              kind={connection.kind}
              autoFocus
              value={certificate ?? ""}
              onChange={onCertificate}
              error={fieldError("ca_certificate")}
            />
          </SecretField>
        )}
        {test && (
          <ConnectionTest
            test={test}
            host={connection.host}
            onCertificate={() => onCertificate(certificate ?? "")}
          />
        )}
        {problem && !test && (
          <ProblemNotice
            problem={problem}
            tone={problem.code === "too_many_requests" ? "warning" : "danger"}
          />
        )}
        <div className="row">
          <Button
            type="submit"
            loading={busy}
            disabled={!dirty || name.trim() === "" || password === "" || certificate === ""}
          >
            {secrets ? "Test and save" : "Save"}
          </Button>
          <span role="status">{saved && !dirty && "Saved."}</span>
        </div>
      </form>
    </section>
  );
}
