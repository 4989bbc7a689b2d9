// The profile of the version that is looked at, and whether it is shown in the column heads.
import { useMemo, useState } from "react";
import { $api, type ColumnProfile, type Table, toProblem, type VersionName } from "../api/client";
import { type Picture, pictureOf } from "../grid/profile";

const SHOWN = "mycorr.profile";
/** The profile of a wider table is large, so it is asked for only when somebody wants to see it. */
const MAX_UNASKED_COLUMNS = 50;

/** The profile of a version, asked for where it is `wanted`; a held sync has none. */
export const useStoredProfile = (table: Table, version: VersionName, wanted: boolean) =>
  $api.useQuery(
    "get",
    "/api/v1/tables/{id}/profile",
    { params: { path: { id: table.id }, query: { version: version === "held" ? undefined : version } } },
    // The rows of a version never change, so neither does this.
    { enabled: wanted && version !== "held", staleTime: Number.POSITIVE_INFINITY },
  );

export interface ShownProfile {
  isShown: boolean;
  show: (shown: boolean) => void;
  /** Rows of the version; 0 until it is here. */
  rows: number;
  of: (column: string) => { profile: ColumnProfile; picture: Picture } | undefined;
  /** Why there is none. */
  reason: string | null;
}

/** `needed`: also where it is not shown in the heads. */
export function useProfile(table: Table, version: VersionName, needed: boolean): ShownProfile {
  const [wanted, setWanted] = useState(() => localStorage.getItem(SHOWN));
  const narrow = table.columns.length <= MAX_UNASKED_COLUMNS;
  const isShown = wanted === "yes" || (wanted === null && narrow);
  const query = useStoredProfile(table, version, isShown || needed);
  const { data, error } = query;
  const columns = useMemo(
    () =>
      new Map(
        data?.columns.map((profile) => [
          profile.name,
          { profile, picture: pictureOf(profile.name, profile, data.rows) },
        ]),
      ),
    [data],
  );
  const problem = error && toProblem(error);
  return {
    isShown,
    show: (shown) => {
      localStorage.setItem(SHOWN, shown ? "yes" : "no");
      setWanted(shown ? "yes" : "no");
      if (shown && error) void query.refetch();
    },
    rows: data?.rows ?? 0,
    of: (column) => columns.get(column),
    reason:
      version === "held"
        ? "What a held sync read has no profile before it is accepted."
        : problem
          ? `${problem.detail} ${problem.fix ?? ""}`.trim()
          : null,
  };
}
