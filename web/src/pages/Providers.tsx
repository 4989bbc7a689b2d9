import { Button } from "@mantine/core";
import { useState } from "react";
import { $api } from "../api/client";
import { Notice } from "../ui/Notice";
import { visible } from "../ui/Visible";

/** The other places where one can sign in. Each is a link: the browser leaves the page. */
export function Providers({ next }: { next: string }) {
  const providers = $api.useQuery("get", "/api/v1/sign-in/providers");
  const items = providers.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <div className="stack" style={{ gap: 8, marginTop: 16 }}>
      {items.map(({ id, name }) => (
        <Button
          key={id}
          variant="default"
          fullWidth
          component="a"
          href={`/api/v1/sign-in/oidc/${id}?${new URLSearchParams({ next })}`}
        >
          Sign in with {name}
        </Button>
      ))}
    </div>
  );
}

/** After signing out here: where one is signed in still, and how that ends too. */
export function LeftBehind({ ids }: { ids: string[] }) {
  const providers = $api.useQuery("get", "/api/v1/sign-in/providers", undefined, { enabled: ids.length > 0 });
  const items = (providers.data?.items ?? []).filter(({ id }) => ids.includes(id));
  return items.map(({ id, name }) => (
    <div key={id} style={{ marginBottom: 16 }}>
      <Notice tone="info" title="You are signed out of Mycorr">
        <p>
          At {visible(name)} you may be signed in still: whoever uses this browser can come back from there.
        </p>
        <p>
          <a href={`/api/v1/sign-in/oidc/${id}/sign-out`}>Sign out of {visible(name)} too</a>
        </p>
      </Notice>
    </div>
  ));
}

/** Why a sign-in elsewhere was refused: the server leaves it in a cookie, which nobody else can set. */
export function Refused({ title = "You were not signed in" }: { title?: string }) {
  const [text] = useState(takeRefusal);
  if (!text) return null;
  return (
    <div style={{ marginBottom: 16 }}>
      <Notice tone="danger" title={title}>
        <p>{text}</p>
      </Notice>
    </div>
  );
}

function takeRefusal(): string | null {
  const found = /(?:^|; )mycorr_refused=([\w-]+)/.exec(document.cookie)?.[1];
  if (!found) return null;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing on plain http
  document.cookie = "mycorr_refused=; Path=/; Max-Age=0";
  const base64 = found.replaceAll("-", "+").replaceAll("_", "/");
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
}
