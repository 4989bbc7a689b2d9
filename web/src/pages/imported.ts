// What of a connection is in a Model already.
import type { Job, Table } from "../api/client";
import { isOver } from "../api/events";

/** One key for a schema and a table, whatever their names hold. */
export const sourceKey = (schema: string, table: string) => JSON.stringify([schema, table]);

/** By the key of their source; of several the one that was read last. */
export function importedFrom(tables: readonly Table[], connectionId: string): Map<string, Table> {
  const found = new Map<string, Table>();
  for (const table of tables) {
    if (table.source?.connection_id !== connectionId) continue;
    const key = sourceKey(table.source.schema, table.source.table);
    const other = found.get(key);
    if (!other || (other.source?.synced_at ?? "") < (table.source.synced_at ?? "")) found.set(key, table);
  }
  return found;
}

/** A name that none of `names` is: `orders`, `orders_2`, … */
export function freeName(name: string, names: Iterable<string>): string {
  const taken = new Set(names);
  let free = name;
  for (let at = 2; taken.has(free); at += 1) free = `${name}_${at}`;
  return free;
}

/** A job that failed or was cancelled, and a later one of the same source that did not. */
export function isMadeGood(job: Job, all: readonly Job[]): boolean {
  if (!isOver(job) || job.state === "succeeded") return false;
  return all.some(
    (other) =>
      other.state === "succeeded" &&
      other.queued_at > job.queued_at &&
      (other.table_id === job.table_id ||
        (other.source.connection_id === job.source.connection_id &&
          other.source.schema === job.source.schema &&
          other.source.table === job.source.table)),
  );
}
