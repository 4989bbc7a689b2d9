// A connection string that was pasted where there is no form for it yet. It holds a password, so it is handed on
// in memory and never in an address.
import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { to } from "../routes";
import { isConnectionString, type Kind } from "./ConnectionForm";

let pending: string | null = null;

/** What was pasted elsewhere, once. */
export function takePasted(): string | null {
  const text = pending;
  pending = null;
  return text;
}

export const isPem = (text: string) => /-----BEGIN [A-Z ]*CERTIFICATE-----/.test(text);

export const kindOf = (text: string): Kind =>
  /\.supabase\.(?:co|com)\b/i.test(text) ? "supabase" : "postgresql";

/** `shop on db.example.com`: a name to begin with. */
export const nameFor = (database: string | null, host: string | null) =>
  [database, host].filter(Boolean).join(" on ");

/** Hears what is pasted anywhere on the page; `take` says whether it is for the page and not for the field. */
export function usePasteAnywhere(take: (text: string, field: Element | null) => boolean) {
  const taking = useRef(take);
  taking.current = take;
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const field = event.target instanceof Element ? event.target : null;
      if (taking.current(event.clipboardData?.getData("text/plain") ?? "", field)) event.preventDefault();
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, []);
}

/** Where there is no form: a pasted connection string opens it, filled. `search` goes along. */
export function usePasteToConnect(search: Record<string, string> = {}) {
  const [, navigate] = useLocation();
  const open = (text: string) => {
    pending = text;
    navigate(to.newConnection({ kind: kindOf(text), ...search }));
  };
  usePasteAnywhere((text, field) => {
    if (field instanceof HTMLTextAreaElement || !isConnectionString(text)) return false;
    open(text);
    return true;
  });
  return open;
}
