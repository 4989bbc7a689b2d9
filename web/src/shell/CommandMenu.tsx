import { Modal, TextInput, useMantineColorScheme } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import {
  Braces,
  CircleUser,
  Columns3,
  Database,
  KeyRound,
  ListChecks,
  LogOut,
  MailPlus,
  Moon,
  PlugZap,
  Plus,
  Rows3,
  ScrollText,
  Search,
  Sun,
  Table2,
  UserCog,
  Users,
} from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useState } from "react";
import { useLocation } from "wouter";
import { $api, useMe } from "../api/client";
import { tablesOf } from "../api/tables";
import { formatCell } from "../grid/view";
import { to } from "../routes";
import { useReturnFocus } from "../ui/Dialog";
import { plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { signOut } from "./signOut";

interface Command {
  id: string;
  label: string;
  hint?: string;
  icon: ReactNode;
  run: () => void;
}

/** The tables of so many Models are asked for at the same time: no one request answers for all. */
const MODELS_AT_ONCE = 30;
/** Of so many Models the tables are found at most. */
const MAX_MODELS = 600;
const ALL = { params: { query: { limit: 1000 } } };
/** So many are shown; typing more finds the others. */
const SHOWN = 100;

/** Everything that can be gone to, by typing a part of its name. */
export function CommandMenu({ onClose }: { onClose: () => void }) {
  useReturnFocus();
  const [, navigate] = useLocation();
  const { setColorScheme } = useMantineColorScheme();
  const me = useMe();
  const models = $api.useQuery("get", "/api/v1/models", ALL);
  const connections = $api.useQuery("get", "/api/v1/connections", ALL);
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const searchable = (models.data?.items ?? []).slice(0, MAX_MODELS);
  // Those of the first Models at once; of the others once somebody types, a few after the other.
  const [reach, setReach] = useState(MODELS_AT_ONCE);
  const tables = useQueries({ queries: searchable.slice(0, reach).map(({ id }) => tablesOf(id)) });
  const isLooking = wanted !== "" && (reach < searchable.length || tables.some(({ isPending }) => isPending));
  const isNext = isLooking && tables.every(({ isPending }) => !isPending);
  useEffect(() => {
    if (isNext) setReach(reach + MODELS_AT_ONCE);
  }, [isNext, reach]);
  const [active, setActive] = useState(0);
  const list = useId();

  const go = (path: string) => () => navigate(path);
  const nameOf = (id: string) => models.data?.items.find((model) => model.id === id)?.name ?? "";
  const commands: Command[] = [
    ...(models.data?.items ?? []).map((model) => ({
      id: model.id,
      label: spelled(model.name),
      hint: "Model",
      icon: <Table2 size={16} />,
      run: go(to.model(model.id)),
    })),
    ...tables
      .flatMap(({ data }) => data ?? [])
      .map((table) => ({
        id: table.id,
        label: spelled(table.name),
        hint: `Table in ${spelled(nameOf(table.model_id))}`,
        icon: <Rows3 size={16} />,
        run: go(to.model(table.model_id, "data", { table: table.id })),
      })),
    ...(connections.data?.items ?? []).map((connection) => ({
      id: connection.id,
      label: spelled(connection.name),
      hint: "Connection",
      icon: <Database size={16} />,
      run: go(to.connection(connection.id)),
    })),
    { id: "models", label: "All Models", icon: <Table2 size={16} />, run: go(to.models) },
    { id: "jobs", label: "Jobs", icon: <ListChecks size={16} />, run: go(to.jobs) },
    { id: "connections", label: "Connections", icon: <PlugZap size={16} />, run: go(to.connections) },
    { id: "new", label: "New connection", icon: <Plus size={16} />, run: go(to.newConnection()) },
    { id: "tokens", label: "API tokens", icon: <KeyRound size={16} />, run: go(to.tokens) },
    { id: "api", label: "HTTP API", icon: <Braces size={16} />, run: go(to.api) },
    { id: "account", label: "Account and sessions", icon: <CircleUser size={16} />, run: go(to.account) },
    { id: "teams", label: "Teams", icon: <Users size={16} />, run: go(to.teams) },
    { id: "invitations", label: "Invitations", icon: <MailPlus size={16} />, run: go(to.invitations) },
    ...(me.data?.admin
      ? [
          { id: "people", label: "People", icon: <UserCog size={16} />, run: go(to.people) },
          { id: "audit", label: "Audit", icon: <ScrollText size={16} />, run: go(to.audit()) },
        ]
      : []),
    { id: "light", label: "Theme: light", icon: <Sun size={16} />, run: () => setColorScheme("light") },
    { id: "dark", label: "Theme: dark", icon: <Moon size={16} />, run: () => setColorScheme("dark") },
    { id: "out", label: "Sign out", icon: <LogOut size={16} />, run: () => void signOut() },
    // Of all tables these are many, so they are found by their names only.
    ...(wanted === "" ? [] : tables.flatMap(({ data }) => data ?? [])).flatMap((table) =>
      table.columns.map(({ name }, at) => ({
        id: `${table.id}-${at}`,
        label: spelled(name),
        hint: `Column of ${spelled(table.name)}`,
        icon: <Columns3 size={16} />,
        run: go(to.model(table.model_id, "data", { table: table.id, cell: formatCell(0, at) })),
      })),
    ),
  ];
  const found = commands
    .filter(({ label, hint }) => `${hint ?? ""} ${label}`.toLowerCase().includes(wanted))
    .slice(0, SHOWN);
  const chosen = found[Math.min(active, found.length - 1)];
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      setActive((old) => (Math.min(old, found.length - 1) + by + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(chosen);
    }
  };

  return (
    <Modal.Root opened onClose={onClose} yOffset="12vh" lockScroll={false}>
      <Modal.Overlay />
      <Modal.Content aria-label="Go to">
        <Modal.Body p={8}>
          <TextInput
            data-autofocus
            role="combobox"
            aria-expanded
            aria-controls={list}
            aria-activedescendant={chosen && `${list}-${chosen.id}`}
            aria-label="Go to a page, Model, table, column or connection"
            placeholder="Go to a page, Model, table, column or connection"
            leftSection={<Search size={16} />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setActive(0);
            }}
            onKeyDown={onKeyDown}
          />
          <div id={list} role="listbox" aria-label="Results" className="commands">
            {found.map((command) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled in the text field (ARIA APG, combobox)
              <div
                key={command.id}
                id={`${list}-${command.id}`}
                role="option"
                tabIndex={-1}
                aria-selected={command === chosen}
                ref={command === chosen ? (node) => node?.scrollIntoView({ block: "nearest" }) : undefined}
                onClick={() => run(command)}
              >
                {command.icon}
                <span>{command.label}</span>
                {command.hint && <span className="dim small">{command.hint}</span>}
              </div>
            ))}
          </div>
          <p className="dim small" role="status" style={{ margin: found.length > 0 && !isLooking ? 0 : 8 }}>
            {isLooking
              ? `Looking through the tables of ${plural(searchable.length, "Model")}…`
              : found.length === 0 && "Nothing is called that."}
          </p>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
