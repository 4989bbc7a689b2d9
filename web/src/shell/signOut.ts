import { answer, api } from "../api/client";
import { unfollowAll } from "../api/events";

/** `next`: where to be afterwards. */
export async function signOut(next = "/sign-in") {
  await answer(api.POST("/api/v1/sign-out"));
  unfollowAll();
  // A whole new page: nothing of what was seen stays in memory.
  window.location.assign(next);
}
