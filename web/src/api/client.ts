// The one way to the server. Paths, fields and answers are typed by the product's own OpenAPI document.
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import createFetchClient from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import { back, noteLost } from "./lost";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Step = Schemas["Step"];
export type Connection = Schemas["Connection"];
export type TestReport = Schemas["TestReport"];
export type NewConnection = Schemas["CreateConnection"];
export type Me = Schemas["Me"];
export type Token = Schemas["Token"];
export type SourceTable = Schemas["SourceTable"];
export type SourceTableDescription = Schemas["SourceTableDescription"];
export type SourceStatistics = Schemas["SourceStatistics"];
export type SourceColumn = Schemas["SourceColumn"];
export type Statement = Schemas["Statement"];
export type Model = Schemas["Model"];
export type Job = Schemas["Job"];
export type Table = Schemas["Table"];
export type Notice = Schemas["Notice"];
export type Webhook = Schemas["Webhook"];
export type Schedule = Schemas["Schedule"];
export type Column = Schemas["Column"];
export type Cell = Schemas["Cell"];
export type Version = Schemas["Version"];
export type Diff = Schemas["Diff"];
export type DiffRow = Schemas["DiffRow"];
export type ColumnProfile = Schemas["ColumnProfile"];
export type SyncPolicy = Schemas["SyncPolicy"];
/** A version of a table as it is named: its number, or what a held sync would make. */
export type VersionName = number | "held";
export type Passport = Schemas["RolePrivileges"];
export type Certificate = TestReport["certificates"][number];
export type BrokenRule = NonNullable<TestReport["broken_rule"]>;
export type Member = Schemas["Member"];
export type Team = Schemas["Team"];
export type TeamMember = Schemas["TeamMember"];
export type Event = Schemas["Event"];
export type User = Schemas["User"];
export type Session = Schemas["Session"];
export type Invite = Schemas["Invite"];
export type Limits = Connection["limits"];
export type StoredView = Schemas["View"];
export type Relation = Schemas["Relation"];

const fetchClient = createFetchClient<paths>({ baseUrl: window.location.origin });

fetchClient.use({
  // An answer that is no problem+json comes from something between us and the server.
  async onResponse({ response }) {
    if (response.ok || response.headers.get("content-type")?.includes("json")) return response;
    // A proxy in front of a server that is away.
    if (response.status >= 502 && response.status <= 504) lostUntilBack();
    const body = problem(
      "unreachable",
      "No usable answer",
      `Something between this page and Mycorr answered with status ${response.status}.`,
      "Try again. If it stays so, tell your operator.",
      response.status,
    );
    return new Response(JSON.stringify(body), {
      status: response.status,
      headers: { "content-type": "application/json" },
    });
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    lostUntilBack();
    return Object.assign(new Error("Mycorr does not answer"), {
      ...problem(
        "unreachable",
        "Mycorr does not answer",
        "The request did not reach the server.",
        "Check that you are online and that Mycorr is running. What is on this page comes back by itself.",
      ),
    });
  },
});

function lostUntilBack() {
  noteLost();
  void back().then(askAgain);
}

/** A problem that the page itself has to tell. */
export function problem(code: string, title: string, detail: string, fix: string, status = 0): Problem {
  return { type: "about:blank", code, title, detail, fix, status, request_id: "", fields: [] } as Problem;
}

/** Whatever was thrown, as something that can be shown. */
export function toProblem(error: unknown): Problem {
  if (error && typeof error === "object" && "title" in error && "detail" in error) return error as Problem;
  return problem(
    "page_error",
    "The page made a mistake",
    error instanceof Error ? error.message : String(error),
    "Load the page again.",
  );
}

/** A session that ended shows itself as 401 anywhere; asking for `/me` again then leads to the sign-in page. */
function sessionEnded(error: unknown, key?: readonly unknown[]) {
  if (toProblem(error).status !== 401 || key?.[1] === "/api/v1/me") return;
  void invalidate(["/api/v1/me"]);
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => sessionEnded(error, query.queryKey) }),
  mutationCache: new MutationCache({ onError: (error) => sessionEnded(error) }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server decided will be decided again the same way; only a lost connection is worth another try.
      retry: (count, error) => toProblem(error).code === "unreachable" && count < 2,
    },
  },
});

export const api = fetchClient;
export const $api = createQueryClient(fetchClient);

export const useMe = () => $api.useQuery("get", "/api/v1/me", {}, { staleTime: Number.POSITIVE_INFINITY });

/** What failed, and what may have changed since, once the server is back. */
const askAgain = () =>
  queryClient.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" });

const TABLES = "/api/v1/models/{id}/tables";
const RELATIONS = "/api/v1/models/{id}/relations";

/** How tables refer to one another is another thing whenever the tables are: one that came may be what another refers to. */
const isOf = (path: string, paths: readonly string[]) =>
  paths.includes(path) || (path === RELATIONS && paths.includes(TABLES));

const invalidate = (paths: readonly string[]) =>
  queryClient.invalidateQueries({ predicate: ({ queryKey }) => isOf(String(queryKey[1]), paths) });

/** What one tab changed, the others ask for again. */
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("mycorr") : null;
const signals = new Map<string, () => void>();
tabs?.addEventListener("message", ({ data }: MessageEvent<string[] | string>) => {
  if (typeof data === "string") signals.get(data)?.();
  else void invalidate(data);
});

/** Something happened that is no change of one path: the other tabs look for themselves. */
export const tellTabs = (signal: string) => tabs?.postMessage(signal);
export const onOtherTab = (signal: string, act: () => void) => signals.set(signal, act);

/** Everything of one path is asked for again, whatever its parameters. */
export function refresh(...paths: string[]) {
  tabs?.postMessage(paths);
  return invalidate(paths);
}

/** What was asked of a database is kept until somebody asks again: each look is a statement sent there. */
export const AT_SOURCE = { staleTime: Number.POSITIVE_INFINITY };

/** Everything that was asked of databases is asked for again where it is in sight. */
export function refreshSources() {
  return queryClient.invalidateQueries({
    predicate: ({ queryKey }) =>
      /^\/api\/v1\/connections\/\{id\}\/(schemas|source-table)/.test(String(queryKey[1])),
  });
}

/** The answer of a call made outside a query, or its problem thrown. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await call;
  if (error !== undefined) throw error;
  return data as T;
}

/** The same of something that may not be there: null where it is not. */
export async function ifAny<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<T | null> {
  const { data, error } = await call;
  if (error === undefined) return data as T;
  if (toProblem(error).status === 404) return null;
  throw error;
}

/** The first pages of a list, until there are `most` items, and whether there are more. */
export async function somePages<T>(
  most: number,
  page: (
    after: string | undefined,
  ) => Promise<{ data?: { items: T[]; next?: string | null }; error?: unknown }>,
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const list = await answer(page(after));
    items.push(...list.items);
    after = list.next ?? undefined;
  } while (after && items.length < most);
  return { items, more: after !== undefined };
}

/** All pages of a list. */
export async function allPages<T>(
  page: (
    after: string | undefined,
  ) => Promise<{ data?: { items: T[]; next?: string | null }; error?: unknown }>,
): Promise<T[]> {
  return (await somePages(Number.POSITIVE_INFINITY, page)).items;
}
