// A list that comes in parts.
import { Button } from "@mantine/core";
import { type QueryKey, type UseInfiniteQueryResult, useInfiniteQuery } from "@tanstack/react-query";
import { answer } from "./client";

type Part<T> = { items: T[]; next?: string | null };

/** `key` begins as those of other queries do: with the method and the path, by which `refresh` finds it. */
export function useListed<T>(
  key: QueryKey,
  part: (after: string | undefined) => Promise<{ data?: Part<T>; error?: unknown }>,
) {
  return useInfiniteQuery({
    queryKey: [...key, "listed"],
    queryFn: ({ pageParam }) => answer<Part<T>>(part(pageParam)),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    select: ({ pages }) => pages.flatMap(({ items }) => items),
  });
}

export function MoreButton({ query }: { query: UseInfiniteQueryResult }) {
  if (!query.hasNextPage) return null;
  return (
    <Button
      variant="default"
      style={{ alignSelf: "center" }}
      onClick={() => query.fetchNextPage()}
      loading={query.isFetchingNextPage}
    >
      Show older ones
    </Button>
  );
}
