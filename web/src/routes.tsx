// Every path and its page. A page's code is fetched when it is first opened.
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { code } from "./api/lost";
import { Settings, Shell } from "./shell/Shell";
import { Waiting } from "./ui/Async";

const SignIn = lazy(() => code(() => import("./pages/SignIn")));
const Models = lazy(() => code(() => import("./pages/Models")));
const Model = lazy(() => code(() => import("./pages/Model")));
const Jobs = lazy(() => code(() => import("./pages/Jobs")));
const Connections = lazy(() => code(() => import("./pages/Connections")));
const ConnectionNew = lazy(() => code(() => import("./pages/ConnectionNew")));
const ConnectionEdit = lazy(() => code(() => import("./pages/ConnectionEdit")));
const Statements = lazy(() => code(() => import("./pages/Statements")));
const Tokens = lazy(() => code(() => import("./pages/Tokens")));
const ApiReference = lazy(() => code(() => import("./pages/ApiReference")));
const Account = lazy(() => code(() => import("./pages/Account")));
const Teams = lazy(() => code(() => import("./pages/Teams")));
const Team = lazy(() => code(() => import("./pages/Team")));
const Invitations = lazy(() => code(() => import("./pages/Invitations")));
const People = lazy(() => code(() => import("./pages/People")));
const Audit = lazy(() => code(() => import("./pages/Audit")));
const ConnectionAccept = lazy(() => code(() => import("./pages/ConnectionAccept")));
const Invite = lazy(() => code(() => import("./pages/Invite")));
const PasswordReset = lazy(() => code(() => import("./pages/PasswordReset")));
const TableAlone = lazy(() => code(() => import("./pages/TableAlone")));
const NotFound = lazy(() => code(() => import("./pages/NotFound")));

export type ModelTab = "data" | "diagram" | "import" | "history" | "activity";
const TABS: readonly string[] = ["data", "diagram", "import", "history", "activity"] satisfies ModelTab[];
const isTab = (text: string): text is ModelTab => TABS.includes(text);

/** Paths, for links. */
export const to = {
  models: "/",
  model: (id: string, tab: ModelTab = "data", search: Record<string, string> = {}) => {
    const query = new URLSearchParams(search).toString();
    return `/models/${id}${tab === "data" ? "" : `/${tab}`}${query && `?${query}`}`;
  },
  jobs: "/jobs",
  connections: "/settings/connections",
  newConnection: (search: Record<string, string> = {}) => {
    const query = new URLSearchParams(search).toString();
    return `/settings/connections/new${query && `?${query}`}`;
  },
  connection: (id: string) => `/settings/connections/${id}`,
  statements: (id: string) => `/settings/connections/${id}/statements`,
  acceptConnection: (id: string) => `/settings/connections/${id}/accept`,
  /** One table, for whoever sees it alone. */
  table: (id: string, search: Record<string, string> = {}) => {
    const query = new URLSearchParams(search).toString();
    return `/tables/${id}${query && `?${query}`}`;
  },
  account: "/settings/account",
  tokens: "/settings/tokens",
  api: "/settings/api",
  teams: "/settings/teams",
  team: (id: string) => `/settings/teams/${id}`,
  invitations: "/settings/invitations",
  people: "/settings/people",
  audit: (search: Record<string, string> = {}) => {
    const query = new URLSearchParams(search).toString();
    return `/settings/audit${query && `?${query}`}`;
  },
  signIn: "/sign-in",
  invite: (token: string) => `/invite/${token}`,
  passwordReset: (token?: string) => (token === undefined ? "/password-reset" : `/password-reset/${token}`),
};

export function Pages() {
  return (
    <Suspense fallback={<Waiting page />}>
      <Switch>
        <Route path={to.signIn} component={SignIn} />
        <Route path="/invite/:token">{({ token }) => <Invite token={token} />}</Route>
        <Route path={to.passwordReset()}>{() => <PasswordReset />}</Route>
        <Route path="/password-reset/:token">{({ token }) => <PasswordReset token={token} />}</Route>
        <Route>
          <Shell>
            <Suspense fallback={<Waiting page />}>
              <Switch>
                <Route path="/" component={Models} />
                <Route path={to.jobs} component={Jobs} />
                <Route path="/models/:id/:tab?">
                  {({ id, tab = "data" }) =>
                    isTab(tab) ? <Model key={id} id={id} tab={tab} /> : <NotFound />
                  }
                </Route>
                <Route path="/tables/:id">{({ id }) => <TableAlone key={id} id={id} />}</Route>
                <Route path="/settings">
                  <Redirect to={to.connections} replace />
                </Route>
                <Route path="/settings/*?">
                  <Settings>
                    <Suspense fallback={<Waiting page />}>
                      <Switch>
                        <Route path={to.connections} component={Connections} />
                        <Route path={to.newConnection()} component={ConnectionNew} />
                        <Route path="/settings/connections/:id">
                          {({ id }) => <ConnectionEdit key={id} id={id} />}
                        </Route>
                        <Route path="/settings/connections/:id/statements">
                          {({ id }) => <Statements key={id} id={id} />}
                        </Route>
                        <Route path="/settings/connections/:id/accept">
                          {({ id }) => <ConnectionAccept key={id} id={id} />}
                        </Route>
                        <Route path={to.account} component={Account} />
                        <Route path={to.tokens} component={Tokens} />
                        <Route path={to.api} component={ApiReference} />
                        <Route path={to.teams} component={Teams} />
                        <Route path="/settings/teams/:id">{({ id }) => <Team key={id} id={id} />}</Route>
                        <Route path={to.invitations} component={Invitations} />
                        <Route path={to.people} component={People} />
                        <Route path={to.audit()} component={Audit} />
                        <Route component={NotFound} />
                      </Switch>
                    </Suspense>
                  </Settings>
                </Route>
                <Route component={NotFound} />
              </Switch>
            </Suspense>
          </Shell>
        </Route>
      </Switch>
    </Suspense>
  );
}
