import { Button } from "@mantine/core";
import { Lock, LockOpen, Plus } from "lucide-react";
import { Link } from "wouter";
import { $api, type Connection } from "../api/client";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { plural } from "../ui/format";
import { ToneIcon } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { usePasteToConnect } from "./pasted";

export default function Connections() {
  const connections = $api.useQuery("get", "/api/v1/connections", { params: { query: { limit: 1000 } } });
  usePasteToConnect();
  const some = (connections.data?.items.length ?? 0) > 0;
  const create = (
    <Button component={Link} to={to.newConnection()} leftSection={<Plus size={16} />}>
      New connection
    </Button>
  );
  return (
    <>
      <PageHeader title="Connections">{some && create}</PageHeader>
      <Async
        query={connections}
        empty={({ items }) =>
          items.length === 0 ? (
            <Empty title="No connection yet" action={create}>
              <p>
                A connection is a database that tables are imported from, and the read-only role that Mycorr
                signs in with. Only you see yours. Paste a connection string anywhere on this page, and the
                form fills itself.
              </p>
            </Empty>
          ) : undefined
        }
      >
        {({ items }) => (
          <div className="table-wrap">
            <table className="list folding">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Database</th>
                  <th>Last test</th>
                  <th className="num">Used by</th>
                </tr>
              </thead>
              <tbody>
                {items.map((connection) => (
                  <tr key={connection.id}>
                    <td>
                      <Link className="link" to={to.connection(connection.id)}>
                        {connection.name}
                      </Link>
                      <div className="dim small">{KINDS[connection.kind]}</div>
                    </td>
                    <td>
                      <span className="mono">
                        {connection.host}:{connection.port}/{connection.database}
                      </span>
                      <div className="dim small">
                        as <span className="mono">{connection.username}</span> ·{" "}
                        <Encryption encrypted={connection.encrypted} />
                      </div>
                    </td>
                    <td data-label="Last test">
                      <LastTest connection={connection} />
                    </td>
                    <td className="num" data-label="Used by">
                      {plural(connection.used_by, "table")}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Async>
    </>
  );
}

export const KINDS: Record<Connection["kind"], string> = { postgresql: "PostgreSQL", supabase: "Supabase" };

export function Encryption({ encrypted }: { encrypted: boolean }) {
  const Icon = encrypted ? Lock : LockOpen;
  return (
    <>
      <Icon size={12} className={encrypted ? "icon" : "icon warning"} aria-hidden />{" "}
      {encrypted ? "encrypted" : "not encrypted"}
    </>
  );
}

export function LastTest({ connection }: { connection: Connection }) {
  if (!connection.last_tested_at) return <span className="dim">never</span>;
  return (
    <span>
      <ToneIcon tone={connection.last_test_ok ? "success" : "danger"} />{" "}
      {connection.last_test_ok ? "worked" : "failed"} <TimeAgo at={connection.last_tested_at} />
    </span>
  );
}
