// The values that a column's filter offers: from the profile, where it holds each of them.
import type { Table, VersionName } from "../api/client";
import { allValues, type KnownValue } from "../grid/kinds";
import { useStoredProfile } from "./useProfile";

/** The profile of a wider table is large, and not worth it for a list. */
const MAX_COLUMNS = 200;

/** All values of a column of this version, where they are known and few; asked for where they are `needed`. */
export function useKnownValues(table: Table, version: VersionName, needed: boolean) {
  const { data } = useStoredProfile(table, version, needed && table.columns.length <= MAX_COLUMNS);
  return (name: string): KnownValue[] | null =>
    allValues(data?.columns.find((column) => column.name === name));
}
