// What was typed outlives a reload: it lies at the entry of the tab's history, and goes with it.
import { useEffect, useRef } from "react";

/** How long typing rests before it is kept, ms: browsers refuse many changes of the history in a row. */
const REST = 400;

/** What lay here before the page was loaded again; nothing where this place is new. */
export const readDraft = <T>(): T | null => (window.history.state?.draft as T | undefined) ?? null;

/** Keeps `draft` for a reload. Secrets do not belong in it. */
export function useDraft(draft: unknown) {
  const text = JSON.stringify(draft);
  const latest = useRef(draft);
  latest.current = draft;
  // biome-ignore lint/correctness/useExhaustiveDependencies: kept anew when it reads differently
  useEffect(() => {
    const keep = () => window.history.replaceState({ ...window.history.state, draft: latest.current }, "");
    const timer = setTimeout(keep, REST);
    window.addEventListener("beforeunload", keep);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("beforeunload", keep);
    };
  }, [text]);
}
