// Focus is always somewhere sensible: it follows a change of the page, and what is removed or disabled under it
// hands it on. A click on nothing may still take it away.
import { useEffect, useRef } from "react";

const CAN = "a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary, [tabindex='0']";

const content = () => document.getElementById("content");
const isNowhere = () => document.activeElement === null || document.activeElement === document.body;

/** The page's heading; without one the place where it will be. */
function focusHead() {
  const head = content()?.querySelector<HTMLElement>("h1") ?? content();
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

/** So many frames a page may take to show its heading. */
const FRAMES = 120;

/** Another page: the focus goes to its head, unless the page has put it into one of its fields. */
export function useFocusOnPage(path: string) {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    let left = FRAMES;
    let frame = 0;
    const look = () => {
      const main = content();
      const active = document.activeElement;
      // In a field, on the tab that was pressed, in a dialog.
      if (active !== main && main?.contains(active)) return;
      if (document.querySelector("[role=dialog]")) return;
      left -= 1;
      if (main?.querySelector("h1:not([data-waiting])") || left <= 0) focusHead();
      else frame = requestAnimationFrame(look);
    };
    frame = requestAnimationFrame(look);
    return () => cancelAnimationFrame(frame);
  }, [path]);
}
