import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { $api, queryClient } from "../api/client";
import Icon from "../icon.svg";
import { Async } from "../ui/Async";
import AccountForm from "./AccountForm";

/** Signs in, or makes the account: the first one ever, or any where the operator lets everybody in. */
export default function SignIn() {
  const state = $api.useQuery("get", "/api/v1/sign-up");
  const [making, setMaking] = useState(false);
  const [, navigate] = useLocation();
  const search = useSearch();
  const done = () => {
    queryClient.clear();
    const next = new URLSearchParams(search).get("next") ?? "/";
    // Only a path of this page: `//host` would lead away.
    navigate(/^\/(?![/\\])/.test(next) ? next : "/", { replace: true });
  };
  return (
    <main className="sign-in">
      <title>Sign in · Mycorr</title>
      <div className="sign-in-card">
        <img src={Icon} width={40} height={40} alt="" />
        <Async query={state}>
          {({ first, open }) => (
            <AccountForm
              key={String(first || making)}
              signUp={first || making}
              first={first}
              other={first || !open ? undefined : () => setMaking(!making)}
              closed={!first && !open}
              onDone={done}
            />
          )}
        </Async>
      </div>
    </main>
  );
}
