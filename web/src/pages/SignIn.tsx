import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { $api, queryClient } from "../api/client";
import { Async } from "../ui/Async";
import AccountForm from "./AccountForm";
import { Entrance } from "./Entrance";
import { LeftBehind, Providers, Refused } from "./Providers";

/** Signs in, or makes the account: the first one ever, or any where the operator lets everybody in. */
export default function SignIn() {
  const state = $api.useQuery("get", "/api/v1/sign-up");
  const [making, setMaking] = useState(false);
  const [, navigate] = useLocation();
  const search = useSearch();
  const params = new URLSearchParams(search);
  const wanted = params.get("next") ?? "/";
  // Only a path of this page: `//host` would lead away.
  const next = /^\/(?![/\\])/.test(wanted) ? wanted : "/";
  const done = () => {
    queryClient.clear();
    navigate(next, { replace: true });
  };
  return (
    <Entrance title={state.data?.first ? "Set up" : making ? "Sign up" : "Sign in"}>
      <Async query={state}>
        {({ first, open }) => (
          <div>
            <Refused title={params.get("refused") === "out" ? "You are signed in there still" : undefined} />
            <LeftBehind ids={params.getAll("left")} />
            <AccountForm
              key={String(first || making)}
              signUp={first || making}
              first={first}
              other={first || !open ? undefined : () => setMaking(!making)}
              closed={!first && !open}
              onDone={done}
            />
            {!first && <Providers next={next} />}
          </div>
        )}
      </Async>
    </Entrance>
  );
}
