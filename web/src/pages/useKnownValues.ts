// The values that a column's filter offers: from the profile, where it holds each of them.
import { $api, type Table, type VersionName } from "../api/client";
import { allValues, type KnownValue } from "../grid/kinds";

/** The profile of a wider table is large, so it is not asked for by itself. */
const MAX_COLUMNS = 200;

/** All values of a column of this version, where they are known and few. */
export function useKnownValues(table: Table, version: VersionName) {
  const { data } = $api.useQuery(
    "get",
    "/api/v1/tables/{id}/profile",
    { params: { path: { id: table.id }, query: { version: version === "held" ? undefined : version } } },
    {
      enabled: version !== "held" && table.columns.length <= MAX_COLUMNS,
      // The rows of a version never change, so neither does this.
      staleTime: Number.POSITIVE_INFINITY,
    },
  );
  return (name: string): KnownValue[] | null =>
    allValues(data?.columns.find((column) => column.name === name));
}
