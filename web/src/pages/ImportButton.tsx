import { Button, Menu } from "@mantine/core";
import { ChevronDown, Plus } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { $api, answer, api, type Connection, type Problem, refresh, toProblem } from "../api/client";
import { to } from "../routes";
import { ProblemNotice } from "../ui/Notice";
import { Name } from "../ui/Visible";
import { mayChange } from "./access";

/** From a connection to its tables: into the only Model, into one that is picked, or into a new one. */
export function ImportButton({ connection }: { connection: Connection }) {
  const models = $api.useQuery("get", "/api/v1/models", { params: { query: { limit: 1000 } } });
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const own = models.data?.items.filter(mayChange) ?? [];
  const open = (id: string) => navigate(to.model(id, "import", { connection: connection.id }));
  const make = async () => {
    setBusy(true);
    setProblem(null);
    try {
      // Named after the database until somebody finds a better name.
      const model = await answer(api.POST("/api/v1/models", { body: { name: connection.database } }));
      void refresh("/api/v1/models");
      open(model.id);
    } catch (error) {
      setProblem(toProblem(error));
      setBusy(false);
    }
  };
  const [only] = own;
  return (
    <>
      {only && own.length > 1 ? (
        <Menu position="bottom-start">
          <Menu.Target>
            <Button rightSection={<ChevronDown size={16} />}>Import a table</Button>
          </Menu.Target>
          <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
            <Menu.Label>Into which Model?</Menu.Label>
            {own.map((model) => (
              <Menu.Item key={model.id} onClick={() => open(model.id)}>
                <Name text={model.name} />
              </Menu.Item>
            ))}
            <Menu.Divider />
            <Menu.Item leftSection={<Plus size={16} />} onClick={() => void make()}>
              A new Model
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      ) : (
        <Button loading={busy} disabled={!models.data} onClick={() => (only ? open(only.id) : void make())}>
          Import a table
        </Button>
      )}
      {problem && <ProblemNotice problem={problem} />}
    </>
  );
}
