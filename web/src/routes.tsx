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
const NotFound = lazy(() => code(() => import("./pages/NotFound")));

export type ModelTab = "data" | "import" | "history";

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
  tokens: "/settings/tokens",
};

export function Pages() {
  return (
    <Suspense fallback={<Waiting page />}>
      <Switch>
        <Route path="/sign-in" component={SignIn} />
        <Route>
          <Shell>
            <Suspense fallback={<Waiting page />}>
              <Switch>
                <Route path="/" component={Models} />
                <Route path={to.jobs} component={Jobs} />
                <Route path="/models/:id/:tab?">
                  {({ id, tab = "data" }) =>
                    tab === "data" || tab === "import" || tab === "history" ? (
                      <Model key={id} id={id} tab={tab} />
                    ) : (
                      <NotFound />
                    )
                  }
                </Route>
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
                        <Route path={to.tokens} component={Tokens} />
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
