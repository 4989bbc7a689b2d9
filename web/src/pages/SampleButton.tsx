import { Button } from "@mantine/core";
import { FlaskConical } from "lucide-react";
import { $api, answer, api, type Connection, refresh } from "../api/client";
import { ProblemNotice } from "../ui/Notice";
import { useAction } from "../ui/useAction";

/** For whoever has no database at hand: the operator's sample, where one was named. */
export function SampleButton({ onConnected }: { onConnected: (connection: Connection) => Promise<unknown> }) {
  const sample = $api.useQuery("get", "/api/v1/connections/sample");
  const { busy, problem, run } = useAction();
  if (!sample.data?.name) return null;
  const connect = async () => {
    const connection = await answer(api.POST("/api/v1/connections/sample"));
    await refresh("/api/v1/connections");
    await onConnected(connection);
  };
  return (
    <>
      <Button
        variant="default"
        leftSection={<FlaskConical size={16} />}
        loading={busy}
        onClick={() => void run(connect)}
      >
        Try it with sample data
      </Button>
      {problem && <ProblemNotice problem={problem} />}
    </>
  );
}
