import { useQuery } from "@tanstack/react-query";
import { allPages, api, type Table } from "./client";

/** The tables of a Model, by name. */
export const tablesOf = (id: string) => ({
  queryKey: ["get", "/api/v1/models/{id}/tables", id],
  queryFn: (): Promise<Table[]> =>
    allPages((after) =>
      api.GET("/api/v1/models/{id}/tables", { params: { path: { id }, query: { limit: 1000, after } } }),
    ),
});

export const useTables = (id: string, enabled = true) => useQuery<Table[]>({ ...tablesOf(id), enabled });
