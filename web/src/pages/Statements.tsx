import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Download, Search } from "lucide-react";
import { useState } from "react";
import { $api, answer, api, type Statement } from "../api/client";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { bytes, count, milliseconds, plural } from "../ui/format";
import { ToneIcon } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { visible } from "../ui/Visible";

/** The ledger of a connection: everything that was ever sent through it. */
export default function Statements({ id }: { id: string }) {
  const path = { id };
  const connection = $api.useQuery("get", "/api/v1/connections/{id}", { params: { path } });
  const [purpose, setPurpose] = useState<Statement["purpose"] | "">("");
  const statements = useInfiniteQuery({
    queryKey: ["get", "/api/v1/connections/{id}/statements", id, purpose],
    queryFn: async ({ pageParam: after }) => {
      const query = { limit: 100, after, purpose: purpose || undefined };
      const page = await answer(api.GET("/api/v1/connections/{id}/statements", { params: { path, query } }));
      return page as Exclude<typeof page, string>;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    // The fields stay where they are while those of another purpose come.
    placeholderData: keepPreviousData,
  });
  const [text, setText] = useState("");
  const [all, setAll] = useState(false);
  const wanted = text.trim().toLowerCase();
  const items = statements.data?.pages.flatMap((page) => page.items) ?? [];
  const setUp = items.filter(isSetUp).length;
  const found = items.filter(
    (one) =>
      (all || !isSetUp(one)) &&
      [one.statement, one.purpose, one.actor, one.outcome, ...one.parameters].some((part) =>
        part?.toLowerCase().includes(wanted),
      ),
  );
  return (
    <>
      <PageHeader
        title="Statements"
        parent={{ label: connection.data?.name ?? "Connection", to: to.connection(id) }}
      >
        <Button
          variant="default"
          component="a"
          href={`/api/v1/connections/${id}/statements?format=csv${purpose && `&purpose=${purpose}`}`}
          download="statements.csv"
          leftSection={<Download size={16} />}
        >
          Download CSV
        </Button>
      </PageHeader>
      <p className="text dim">Every statement that Mycorr ever sent through this connection, newest first.</p>
      <Async
        query={statements}
        empty={() =>
          items.length === 0 && purpose === "" ? (
            <Empty title="Nothing was sent yet">
              <p>Testing, browsing and importing each send SELECT statements. They will stand here.</p>
            </Empty>
          ) : undefined
        }
      >
        {() => (
          <div className="stack">
            <div className="row" style={{ gap: 16 }}>
              <TextInput
                data-search
                style={{ flex: "1 1 240px", maxWidth: 480 }}
                aria-label="Filter the statements shown"
                placeholder={`Filter these ${count(items.length)} statements`}
                leftSection={<Search size={16} />}
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
              />
              <NativeSelect
                aria-label="Purpose"
                data={[
                  { value: "", label: "Every purpose" },
                  ...PURPOSES.map((one) => ({ value: one, label: one })),
                ]}
                value={purpose}
                onChange={(event) =>
                  setPurpose(PURPOSES.find((one) => one === event.currentTarget.value) ?? "")
                }
              />
              {setUp > 0 && (
                <Checkbox
                  label={`Also the ${plural(setUp, "statement")} that set a session up`}
                  checked={all}
                  onChange={(event) => setAll(event.currentTarget.checked)}
                />
              )}
            </div>
            {statements.hasNextPage && text !== "" && found.length > 0 && (
              <p className="dim small" style={{ margin: 0 }}>
                {`${plural(found.length, "match", "matches")} among the newest ${count(items.length)} statements; older ones are not looked through until they are shown.`}
              </p>
            )}
            {found.length === 0 ? (
              <Empty
                title={
                  !statements.hasNextPage
                    ? "No statement matches"
                    : items.length > 0
                      ? `None of the newest ${count(items.length)} matches`
                      : "None among the newest statements"
                }
                action={
                  <Button
                    variant="default"
                    onClick={() => {
                      setText("");
                      setPurpose("");
                    }}
                  >
                    Clear filter
                  </Button>
                }
              />
            ) : (
              <StatementTable statements={found} />
            )}
            {statements.hasNextPage && (
              <Button
                variant="default"
                style={{ alignSelf: "center" }}
                onClick={() => statements.fetchNextPage()}
                loading={statements.isFetchingNextPage}
              >
                Show older ones
              </Button>
            )}
          </div>
        )}
      </Async>
    </>
  );
}

const PURPOSES: Statement["purpose"][] = ["test", "browse", "preview", "import", "sync", "verify"];

/** Templates that read nothing: they make the session read-only, limit it, and check that it is so. */
const SET_UP = new Set(["settings", "settled", "backend"]);

const isSetUp = (one: Statement) =>
  SET_UP.has(one.template) || /^\s*(?:BEGIN|START|COMMIT|ROLLBACK)\b/i.test(one.statement);

/** As SQL writes a text; a parameter is always one, so an empty one is not NULL. */
export const literal = (text: string | null) => (text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`);

function StatementTable({ statements }: { statements: Statement[] }) {
  return (
    <div className="table-wrap">
      <table className="list folding statements">
        <thead>
          <tr>
            <th>When</th>
            <th>Statement</th>
            <th className="num">Rows</th>
            <th className="num">Time</th>
            <th>Outcome</th>
          </tr>
        </thead>
        <tbody>
          {statements.map((one) => (
            <tr key={one.id}>
              <td className="nowrap">
                <TimeAgo at={one.at} />
                <div className="dim small">
                  {one.purpose}
                  {one.actor && (
                    <>
                      <br />
                      {one.actor}
                    </>
                  )}
                </div>
              </td>
              <td>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long one scrolls, so the keyboard must reach it */}
                <pre className="statement" tabIndex={0}>
                  {visible(one.statement, true)}
                </pre>
                {one.parameters.length > 0 && (
                  <div className="dim small">
                    with{" "}
                    {one.parameters.map((parameter, at) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: parameters are known by their place
                      <span key={at} className="mono">
                        {at > 0 && ", "}${at + 1} = {visible(literal(parameter))}
                      </span>
                    ))}
                  </div>
                )}
              </td>
              <td className="num" data-label="Rows">
                {count(one.rows)}
                <div className="dim small">{bytes(one.bytes)}</div>
              </td>
              <td className="num" data-label="Time">
                {milliseconds(one.milliseconds)}
              </td>
              <td className="nowrap">
                <ToneIcon tone={one.outcome === "ok" ? "success" : "danger"} />{" "}
                {one.outcome === "ok" ? "ok" : <span className="mono">{one.outcome}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="visually-hidden">{plural(statements.length, "statement")}</p>
    </div>
  );
}
