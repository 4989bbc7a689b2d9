// What stands beside the form: what Mycorr needs, and where each provider shows the details.
import type { Kind } from "./ConnectionForm";

export function Needs({ kind }: { kind: Kind }) {
  return (
    <section>
      <h2 style={{ margin: "8px 0 4px" }}>What Mycorr needs</h2>
      <ul className="plain text">
        <li>
          <strong>A role with SELECT</strong> on the tables that you want to import, best one of its own.
          Mycorr never sends anything beyond SELECT and a few look-ups in the catalogue, and every statement
          stands in the connection's list.
        </li>
        <li>
          <strong>A host that it can reach.</strong> Private and internal addresses are refused unless the
          operator of this Mycorr lets them through. If a firewall keeps a list, the operator knows the
          address to let in.
        </li>
        <li>
          <strong>Encryption with a certificate that can be verified</strong>, by the public trust store or by
          your own CA's certificate, pasted under Advanced. There is no way to skip the verification.
        </li>
        {kind === "supabase" && (
          <li>
            <strong>Supabase's CA certificate.</strong> The database's certificates are Supabase's own.
            Download theirs in the dashboard under Database, Settings, SSL configuration, and paste it under
            Advanced.
          </li>
        )}
      </ul>
    </section>
  );
}

const PROVIDERS: [name: string, where: React.ReactNode][] = [
  [
    "AWS RDS, Aurora",
    <>
      RDS console, your instance, <b>Connectivity &amp; security</b>. Endpoint is the host, Port the port.
      Database and user were set when it was made. Amazon signs with a CA of its own: paste its bundle under
      Advanced.
    </>,
  ],
  [
    "Google Cloud SQL",
    <>
      Cloud SQL console, your instance, <b>Connections</b>. Public IP is the host: switch it on, and let
      Mycorr's address in under Authorized networks. The server's CA certificate is under Security.
    </>,
  ],
  [
    "Heroku Postgres",
    <>
      <code className="mono">heroku config:get DATABASE_URL</code> prints{" "}
      <span className="mono">postgres://user:password@host:port/database</span>. Paste the whole of it here.
    </>,
  ],
  [
    "Neon, Crunchy Bridge, Render",
    "The project's dashboard shows a connection string. Paste it here; on Render, the external one.",
  ],
  [
    "Self-hosted",
    <>
      Port and encryption are set in <span className="mono">postgresql.conf</span>, who may come in from where
      in <span className="mono">pg_hba.conf</span>.
    </>,
  ],
];

/** Where each provider shows the details. */
export function Providers() {
  return (
    <section>
      <h2 style={{ margin: "8px 0 4px" }}>Where to find the details</h2>
      <dl className="providers text">
        {PROVIDERS.map(([name, where]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{where}</dd>
          </div>
        ))}
      </dl>
      <p className="dim text">For a Supabase project take the Supabase kind: it knows the poolers.</p>
    </section>
  );
}
