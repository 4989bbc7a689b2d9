import { ActionIcon, Button, Popover, Tooltip } from "@mantine/core";
import { Bell as BellIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { $api, answer, api, type Notice, refresh, toProblem } from "../api/client";
import { useLastEnded } from "../api/events";
import { to } from "../routes";
import { plural } from "../ui/format";
import { ProblemNotice, type Tone, ToneIcon } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { visible } from "../ui/Visible";

const PATH = "/api/v1/notices";
/** How often it is asked whether there is something new, ms. */
const LOOK_INTERVAL = 30_000;
const SHOWN = 30;

const query = { params: { query: { limit: SHOWN } } };

/** What one is told without asking. */
export function Bell() {
  const [opened, setOpened] = useState(false);
  const notices = $api.useQuery("get", PATH, query, { refetchInterval: LOOK_INTERVAL });
  // A job that ended may have told something.
  const ended = useLastEnded()?.id;
  useEffect(() => {
    if (ended) void refresh(PATH);
  }, [ended]);
  const unread = notices.data?.unread ?? 0;
  const label = unread > 0 ? `Notices, ${plural(unread, "unread", "unread")}` : "Notices";
  return (
    <Popover position="bottom-end" trapFocus returnFocus opened={opened} onChange={setOpened} width={360}>
      <Popover.Target>
        <Tooltip label={label} disabled={opened}>
          <ActionIcon
            className="bell"
            variant="subtle"
            color="gray"
            size={32}
            aria-label={label}
            onClick={() => setOpened(!opened)}
          >
            <BellIcon size={18} />
            {unread > 0 && (
              <span className="bell-count" aria-hidden>
                {unread > 99 ? "99+" : unread}
              </span>
            )}
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label="Notices">
        <div className="row spread">
          <h2 style={{ fontSize: 16, margin: 0 }}>Notices</h2>
          <Button
            data-autofocus
            variant="subtle"
            size="xs"
            disabled={unread === 0}
            onClick={() => void answer(api.POST("/api/v1/notices/read", {})).then(() => refresh(PATH))}
          >
            Mark all as read
          </Button>
        </div>
        {notices.error !== null && <ProblemNotice problem={toProblem(notices.error)} />}
        {notices.data?.items.length === 0 && (
          <p className="dim">Nothing yet. Syncs that fail, wait or work again are told here.</p>
        )}
        <ul className="notices">
          {notices.data?.items.map((notice) => (
            <li key={notice.id} data-unread={notice.read_at === null || undefined}>
              <One notice={notice} onOpen={() => setOpened(false)} />
            </li>
          ))}
        </ul>
      </Popover.Dropdown>
    </Popover>
  );
}

const TONES: Record<Notice["kind"], Tone> = {
  sync_failed: "danger",
  sync_held: "warning",
  table_stale: "warning",
  sync_recovered: "success",
  shared: "info",
  transferred: "info",
};

function One({ notice, onOpen }: { notice: Notice; onOpen: () => void }) {
  const { model_id: model, table_id: table } = notice;
  // Of a table that is shared alone the Model is not known.
  const alone = table ? to.table(table) : null;
  const href = model ? to.model(model, "data", table ? { table } : {}) : alone;
  const open = () => {
    onOpen();
    if (notice.read_at !== null) return;
    const params = { path: { id: notice.id } };
    void answer(api.POST("/api/v1/notices/{id}/read", { params })).then(() => refresh(PATH));
  };
  const text = (
    <>
      <span>
        {notice.read_at === null && <span className="visually-hidden">Unread: </span>}
        {visible(words(notice))}
      </span>
      <span className="dim small">
        {notice.title && `${notice.title} · `}
        <TimeAgo at={notice.at} />
      </span>
    </>
  );
  return (
    <>
      <ToneIcon tone={TONES[notice.kind]} />
      {href ? (
        <Link className="notice-link" to={href} onClick={open}>
          {text}
        </Link>
      ) : (
        <button type="button" className="notice-link" onClick={open}>
          {text}
        </button>
      )}
    </>
  );
}

function words({ kind, table_name: table, model_name: model, actor }: Notice): string {
  switch (kind) {
    case "sync_failed":
      return `The sync of ${table} in ${model} failed`;
    case "sync_held":
      return `A sync of ${table} in ${model} waits for a decision`;
    case "table_stale":
      return `${table} in ${model} is out of date`;
    case "sync_recovered":
      return `The sync of ${table} in ${model} works again`;
    case "shared":
      return `${actor ?? "Somebody"} shares ${table || model} with you`;
    case "transferred":
      return `${actor ?? "Somebody"} handed ${model} over to you`;
  }
}
