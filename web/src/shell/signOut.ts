import { answer, api } from "../api/client";
import { unfollowAll } from "../api/events";

export async function signOut() {
  await answer(api.POST("/api/v1/sign-out"));
  unfollowAll();
  // A whole new page: nothing of what was seen stays in memory.
  window.location.assign("/sign-in");
}
