// The fields of a connection; the wizard shows all of them, the detail page those that can be replaced.
import { PasswordInput, Switch, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import type { Connection, NewConnection } from "../api/client";
import { Notice } from "../ui/Notice";

export type Kind = Connection["kind"];

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

export function toRequest(kind: Kind, values: ConnectionValues): NewConnection {
  return {
    kind,
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

/** What stands under the fields, where the kinds differ. */
const WORDS: Record<Kind, Record<"host" | "port" | "database" | "username", string>> = {
  postgresql: {
    host: "db.example.com or an IP address.",
    port: "Usually 5432.",
    database: "The name of the database, not of the cluster.",
    username: "The read-only role. The SQL that makes one is on this page.",
  },
  supabase: {
    host: "Follows from the above.",
    port: "5432 or 6543.",
    database: "postgres, unless you made another one.",
    username:
      "At the poolers postgres.<project ref>, at the direct host postgres. A read-only role, which is better, is <role>.<project ref> at the poolers. The SQL that makes one is on this page.",
  },
};

interface FieldsProps {
  kind: Kind;
  form: UseFormReturnType<ConnectionValues>;
  /** Comes after the name: what the other fields follow from. */
  children?: React.ReactNode;
}

export function ConnectionFields({ kind, form, children }: FieldsProps) {
  const words = WORDS[kind];
  const field = (name: keyof ConnectionValues) => ({ ...form.getInputProps(name), "data-path": name });
  return (
    <>
      <TextInput
        autoFocus
        label="Name"
        description="Anything human, e.g. “Prod analytics replica”."
        autoComplete="off"
        {...field("name")}
      />
      {children}
      <div className="host-port">
        <TextInput
          label="Host"
          description={words.host}
          autoComplete="off"
          spellCheck={false}
          {...field("host")}
        />
        <TextInput
          label="Port"
          description={words.port}
          inputMode="numeric"
          autoComplete="off"
          {...field("port")}
        />
      </div>
      <TextInput
        label="Database"
        description={words.database}
        autoComplete="off"
        spellCheck={false}
        {...field("database")}
      />
      <TextInput
        label="Username"
        description={words.username}
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
  kind: Kind;
  value: string;
  onChange: (value: string) => void;
  error?: React.ReactNode;
  autoFocus?: boolean;
}) {
  return (
    <Textarea
      label="Custom CA certificate (PEM)"
      description={
        props.kind === "supabase"
          ? "Supabase signs with its own CA: dashboard, Database, Settings, SSL configuration, Download certificate. It replaces the public store for this connection."
          : "For a private or self-signed CA that is not in the public trust store, common for RDS proxy and internal PKI. Your DBA has it. It replaces the public store for this connection."
      }
      placeholder="-----BEGIN CERTIFICATE-----"
      classNames={{ input: "mono" }}
      rows={8}
      spellCheck={false}
      autoComplete="off"
      data-path="ca_certificate"
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      error={props.error}
      autoFocus={props.autoFocus}
    />
  );
}
