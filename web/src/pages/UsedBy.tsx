// The tables that were imported through a connection, and what becomes of them without it.
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { $api, answer, api, type Connection, refresh } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { count, plural } from "../ui/format";
import { TimeAgo } from "../ui/TimeAgo";
import { Name } from "../ui/Visible";

const PAGE = 20;
const LISTED = 8;

export function UsedBy({ id }: { id: string }) {
  const tables = useInfiniteQuery({
    queryKey: ["get", "/api/v1/connections/{id}/tables", id],
    queryFn: ({ pageParam: after }) =>
      answer(
        api.GET("/api/v1/connections/{id}/tables", {
          params: { path: { id }, query: { limit: PAGE, after } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const items = tables.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="stack" style={{ gap: 12 }} aria-labelledby="used-by">
      <h2 id="used-by" style={{ margin: 0 }}>
        Used by
      </h2>
      <Async
        query={tables}
        empty={() =>
          items.length === 0 ? (
            <p className="dim text" style={{ margin: 0 }}>
              Nothing was imported through it yet. Open a{" "}
              <Link className="link" to={to.models}>
                Model
              </Link>{" "}
              and pick a table.
            </p>
          ) : undefined
        }
      >
        {() => (
          <>
            <div className="table-wrap">
              <table className="list folding">
                <thead>
                  <tr>
                    <th>Table</th>
                    <th>From</th>
                    <th>Last read</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((table) => (
                    <tr key={table.id}>
                      <td>
                        <Link className="link" to={to.model(table.model_id, "data", { table: table.id })}>
                          <Name text={table.name} />
                        </Link>
                        <div className="dim small">
                          in <Name text={table.model_name} />
                        </div>
                      </td>
                      <td className="mono" data-label="From">
                        <Name text={table.source_schema} />.<Name text={table.source_table} />
                      </td>
                      <td data-label="Last read">
                        {table.synced_at ? (
                          <TimeAgo at={table.synced_at} />
                        ) : (
                          <span className="dim">never</span>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {tables.hasNextPage && (
              <Button
                variant="default"
                style={{ alignSelf: "center" }}
                onClick={() => tables.fetchNextPage()}
                loading={tables.isFetchingNextPage}
              >
                Show more
              </Button>
            )}
          </>
        )}
      </Async>
    </section>
  );
}

interface DeleteProps {
  connection: Connection;
  opened: boolean;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteConnection({ connection, opened, onClose, onDeleted }: DeleteProps) {
  const path = { id: connection.id };
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title="Delete connection"
      action="Delete connection"
      typed={connection.name}
      danger
      run={async () => {
        await answer(api.DELETE("/api/v1/connections/{id}", { params: { path } }));
        onDeleted();
        await refresh("/api/v1/connections", "/api/v1/tables/{id}", "/api/v1/models/{id}/tables");
      }}
    >
      The stored password, the certificate and the list of statements are removed for good.
      {connection.used_by > 0 && <Dependents connection={connection} />}
    </Confirm>
  );
}

function Dependents({ connection: { id, used_by } }: { connection: Connection }) {
  const tables = $api.useQuery("get", "/api/v1/connections/{id}/tables", {
    params: { path: { id }, query: { limit: LISTED } },
  });
  return (
    <>
      <p>
        {plural(used_by, "table")} came through it. {used_by === 1 ? "It stays" : "They stay"} readable, with
        all versions. A sync will say that the connection is gone, until the table is pointed at another one.
      </p>
      <Async query={tables}>
        {({ items }) => (
          <ul className="plain">
            {items.map((table) => (
              <li key={table.id}>
                <strong>
                  <Name text={table.name} />
                </strong>{" "}
                <span className="dim">
                  in <Name text={table.model_name} />
                </span>
              </li>
            ))}
            {used_by > items.length && <li className="dim">and {count(used_by - items.length)} more</li>}
          </ul>
        )}
      </Async>
    </>
  );
}
