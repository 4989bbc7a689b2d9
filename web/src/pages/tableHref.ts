import { useLocation } from "wouter";
import type { Table } from "../api/client";
import { to } from "../routes";

/** Links to this table as it is looked at here: in its Model, or alone, where its Model may not be seen. */
export function useTableHref(table: Table) {
  const [path] = useLocation();
  return (search: Record<string, string> = {}) =>
    path.startsWith("/tables/")
      ? to.table(table.id, search)
      : to.model(table.model_id, "data", { table: table.id, ...search });
}
