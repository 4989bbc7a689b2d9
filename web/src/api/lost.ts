// Whether Mycorr answers. While it does not, it is asked again until it does; whoever waits for it then goes on.
import { useSyncExternalStore } from "react";

let lost = false;
let turn = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
const watching = new Set<() => void>();
const waiting = new Set<() => void>();

export const useLost = () =>
  useSyncExternalStore(
    (listener) => {
      watching.add(listener);
      return () => watching.delete(listener);
    },
    () => lost,
  );

async function answers(): Promise<boolean> {
  try {
    const { ok } = await fetch("/healthz", { cache: "no-store" });
    return ok;
  } catch {
    return false;
  }
}

async function look() {
  if (await answers()) {
    lost = false;
    for (const listener of [...watching, ...waiting]) listener();
    waiting.clear();
  } else {
    turn += 1;
    timer = setTimeout(look, Math.min(1_000 * 2 ** turn, 10_000));
  }
}

/** A request did not get there, or something between answered for it. */
export function noteLost() {
  if (lost) return;
  lost = true;
  turn = 0;
  for (const listener of watching) listener();
  timer = setTimeout(look, 1_000);
}

window.addEventListener("online", () => {
  if (!lost) return;
  clearTimeout(timer);
  void look();
});

/** Done when Mycorr answers again. */
export const back = () => new Promise<void>((resolve) => (lost ? waiting.add(resolve) : resolve()));

const RELOADED = "mycorr.reloaded";

/**
 * A page's code. A server that is away is waited for. Where it answers and the code is not to be had, the page is
 * of an older build, or the browser remembers the failure: a new page helps, and is tried once.
 */
export async function code<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (!(await answers())) {
        noteLost();
        await back();
        continue;
      }
      const [where, when] = sessionStorage.getItem(RELOADED)?.split(" ") ?? [];
      const again = where === window.location.pathname && Date.now() - Number(when) < 30_000;
      if (again) throw error;
      sessionStorage.setItem(RELOADED, `${window.location.pathname} ${Date.now()}`);
      window.location.reload();
      return await new Promise<never>(() => undefined);
    }
  }
}
