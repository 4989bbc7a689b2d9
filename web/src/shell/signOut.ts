import { answer, api } from "../api/client";
import { unfollowAll } from "../api/events";
import { forgetImports } from "../pages/importForms";

/** `next`: where to be afterwards; else where one can sign in, told of the providers at which one is signed in still. */
export async function signOut(next?: string) {
  const identities = next ? undefined : await api.GET("/api/v1/identities").catch(() => undefined);
  await answer(api.POST("/api/v1/sign-out"));
  unfollowAll();
  forgetImports();
  // A whole new page: nothing of what was seen stays in memory.
  const providers = (identities?.data?.items ?? []).flatMap(({ provider }) => (provider ? [provider] : []));
  const left = providers.map((provider) => ["left", provider]);
  window.location.assign(next ?? (left.length === 0 ? "/sign-in" : `/sign-in?${new URLSearchParams(left)}`));
}
