// Focus is always somewhere sensible: it follows a change of the page, and what is removed or disabled under it
// hands it on. A click on nothing may still take it away.
import { useEffect, useRef } from "react";

const CAN = "a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary, [tabindex='0']";

const content = () => document.getElementById("content");
const isNowhere = () => document.activeElement === null || document.activeElement === document.body;

/**
 * The page's heading: not the one that stands in for it while the page's code comes, nor that of the page before, which
 * React hides but keeps until then.
 */
const headOf = (main: HTMLElement | null) =>
  [...(main?.querySelectorAll<HTMLElement>("h1:not([data-waiting])") ?? [])].find((head) =>
    head.checkVisibility(),
  );

/** The page's heading; without one the place where it will be. */
function focusHead() {
  const head = headOf(content()) ?? content();
  if (head && head.tabIndex < 0) head.tabIndex = -1;
  head?.focus({ preventScroll: true });
}

/** Where the focus goes that `path`, from the element outwards, has lost. */
export function heirOf(path: readonly HTMLElement[]): HTMLElement | null {
  const main = content();
  const near = path.find((node) => node.isConnected && node !== document.body);
  if (!near || !main?.contains(near) || near === main) return null;
  return near.matches(CAN) ? near : (near.querySelector<HTMLElement>(CAN) ?? null);
}

export function useFocusKeeper() {
  useEffect(() => {
    let last: HTMLElement | null = null;
    let path: HTMLElement[] = [];
    let asked = false;
    let wasDisabled = false;
    const remember = ({ target }: FocusEvent) => {
      if (!(target instanceof HTMLElement)) return;
      last = target;
      wasDisabled = false;
      path = [];
      for (let node: HTMLElement | null = target; node; node = node.parentElement) path.push(node);
    };
    const keep = () => {
      asked = false;
      if (!isNowhere() || !last) return;
      // A button at work is disabled: it has the focus again as soon as it can.
      if (last.isConnected && last.matches(":disabled")) {
        wasDisabled = true;
        return;
      }
      // Who leaves by Tab means to: nothing holds the focus that is still there.
      if (last.isConnected && last.checkVisibility() && !wasDisabled) return;
      wasDisabled = false;
      const heir = heirOf(path);
      if (heir) heir.focus({ preventScroll: true });
      else focusHead();
    };
    const check = () => {
      if (asked || !last || !isNowhere()) return;
      asked = true;
      // Whoever moves the focus on purpose, as dialogs do, is given two frames to do so.
      requestAnimationFrame(() => requestAnimationFrame(keep));
    };
    const let_go = () =>
      requestAnimationFrame(() => {
        if (isNowhere()) last = null;
      });
    const observer = new MutationObserver(check);
    observer.observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });
    document.addEventListener("focusin", remember);
    document.addEventListener("focusout", check);
    document.addEventListener("pointerdown", let_go);
    return () => {
      observer.disconnect();
      document.removeEventListener("focusin", remember);
      document.removeEventListener("focusout", check);
      document.removeEventListener("pointerdown", let_go);
    };
  }, []);
}

/** Where the focus stays when it is there after a change of the page: a field, the tab that was pressed. */
const stays = (active: Element, path: string) =>
  active.matches("input, select, textarea, [role=grid], [role=tree]") ||
  (active instanceof HTMLAnchorElement && active.pathname === path);

/** Another page: the focus goes to its head, however long that takes to come, unless it was put somewhere else. */
export function useFocusOnPage(path: string) {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    const from = document.activeElement;
    const left = from?.closest("[role=dialog]");
    let wentOn = false;
    const goOn = (event: Event) => {
      if (!(event instanceof KeyboardEvent) || event.key === "Tab") wentOn = true;
    };
    const observer = new MutationObserver(() => look());
    const stop = () => {
      observer.disconnect();
      document.removeEventListener("keydown", goOn, true);
      document.removeEventListener("pointerdown", goOn, true);
    };
    /** Whether there is nothing left to wait for. */
    const isDone = () => {
      const main = content();
      const active = document.activeElement;
      const dialog = document.querySelector("[role=dialog]");
      // One that the page came with has the focus; one that led here is about to give it up.
      if (dialog) return dialog !== left && dialog.contains(active);
      const inside = active !== main && main?.contains(active) && active?.checkVisibility();
      if (active && inside && (active !== from || stays(active, path))) return true;
      // A menu that led here gives the focus back to its button: that nobody chose.
      if (wentOn && !isNowhere() && active !== main) return true;
      if (!headOf(main)) return false;
      focusHead();
      return true;
    };
    const look = () => {
      if (isDone()) stop();
    };
    document.addEventListener("keydown", goOn, true);
    document.addEventListener("pointerdown", goOn, true);
    observer.observe(document.body, { childList: true, subtree: true });
    // A page that puts the focus into one of its fields does so first.
    const frame = requestAnimationFrame(look);
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [path]);
}
