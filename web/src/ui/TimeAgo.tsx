import { Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { ago, dateTime } from "./format";

/** A relative time that stays true, with the absolute one in its tooltip. */
export function TimeAgo({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Tooltip label={dateTime(at)}>
      <time dateTime={at}>{ago(at, now)}</time>
    </Tooltip>
  );
}
