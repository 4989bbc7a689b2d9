// The fields of a connection; the wizard shows all of them, the detail page those that can be replaced.
import { PasswordInput, Switch, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import type { NewConnection } from "../api/client";
import { Notice } from "../ui/Notice";

export interface ConnectionValues {
  name: string;
  host: string;
  port: string;
  database: string;
  username: string;
  password: string;
  encrypted: boolean;
  ca_certificate: string;
}

export const EMPTY: ConnectionValues = {
  name: "",
  host: "",
  port: "5432",
  database: "",
  username: "",
  password: "",
  encrypted: true,
  ca_certificate: "",
};

const filled = (message: string) => (value: string) => (value.trim() === "" ? message : null);

/** What can be seen without asking; all else is the server's to judge. */
export const CHECKS = {
  name: filled("Give it a name."),
  host: filled("Write the host, for example db.example.com."),
  port: (port: string) =>
    /^\d{1,5}$/.test(port.trim()) && Number(port) >= 1 && Number(port) <= 65535
      ? null
      : "A port is a number from 1 to 65535, usually 5432.",
  database: filled("Write the name of the database."),
  username: filled("Write the name of the role."),
  password: (password: string) => (password === "" ? "Write the role's password." : null),
};

export function toRequest(values: ConnectionValues): NewConnection {
  return {
    kind: "postgresql",
    name: values.name.trim(),
    host: values.host.trim(),
    port: Number(values.port),
    database: values.database,
    username: values.username,
    password: values.password,
    encrypted: values.encrypted,
    ca_certificate: values.encrypted && values.ca_certificate.trim() ? values.ca_certificate : null,
  };
}

/** Whether a pasted text is a connection string of some kind; the server reads it. */
export const isConnectionString = (text: string) =>
  /postgres(?:ql)?:\/\/|^\s*jdbc:postgresql:|^\s*psql\s|(?:^|\s)host(?:addr)?\s*=/i.test(text);

export function ConnectionFields({ form }: { form: UseFormReturnType<ConnectionValues> }) {
  const field = (name: keyof ConnectionValues) => ({ ...form.getInputProps(name), "data-path": name });
  return (
    <>
      <TextInput
        label="Name"
        description="Anything human, e.g. “Prod analytics replica”."
        autoComplete="off"
        {...field("name")}
      />
      <div className="host-port">
        <TextInput
          label="Host"
          description="db.example.com or an IP address."
          autoComplete="off"
          spellCheck={false}
          {...field("host")}
        />
        <TextInput
          label="Port"
          description="Usually 5432."
          inputMode="numeric"
          autoComplete="off"
          {...field("port")}
        />
      </div>
      <TextInput
        label="Database"
        description="The name of the database, not of the cluster."
        autoComplete="off"
        spellCheck={false}
        {...field("database")}
      />
      <TextInput
        label="Username"
        description="The read-only role. The SQL that makes one is on this page."
        autoComplete="off"
        spellCheck={false}
        {...field("username")}
      />
      <PasswordInput
        label="Password"
        description="The password of that role. It is stored encrypted and never shown again."
        autoComplete="new-password"
        {...field("password")}
      />
      <Switch
        label="Require encrypted connection"
        description="Encrypts the traffic and verifies the server's certificate and name (libpq's verify-full)."
        checked={form.values.encrypted}
        onChange={(event) => form.setFieldValue("encrypted", event.currentTarget.checked)}
      />
      {!form.values.encrypted && (
        <Notice tone="warning" title="Everything travels in the clear">
          <p>Anyone on the way can read it. Turn it off only within a trusted private network.</p>
        </Notice>
      )}
    </>
  );
}

export function CaCertificateField(props: {
  value: string;
  onChange: (value: string) => void;
  error?: React.ReactNode;
}) {
  return (
    <Textarea
      label="Custom CA certificate (PEM)"
      description="For a private or self-signed CA that is not in the public trust store, common for RDS proxy and internal PKI. Your DBA has it. It replaces the public store for this connection."
      placeholder="-----BEGIN CERTIFICATE-----"
      classNames={{ input: "mono" }}
      rows={8}
      spellCheck={false}
      autoComplete="off"
      data-path="ca_certificate"
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      error={props.error}
    />
  );
}
