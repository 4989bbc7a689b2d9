// Ways to look at a table that were given names: for everybody who sees the table.
import { Button, Popover } from "@mantine/core";
import { Bookmark, Check, Pencil, X } from "lucide-react";
import { useState } from "react";
import { $api, answer, api, type Model, problem, refresh, type StoredView, type Table } from "../api/client";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { ago } from "../ui/format";
import { spelled } from "../ui/invisible";
import { NameForm } from "../ui/NameForm";
import { ReasonButton } from "../ui/Reason";
import { Name, visible } from "../ui/Visible";
import { mayChange } from "./access";
import { isSameView, type SavedView } from "./tableState";

interface Props {
  model: Model;
  table: Table;
  /** What is looked at now. */
  current: () => Omit<SavedView, "name">;
  onApply: (view: SavedView) => void;
}

const changed = () => refresh("/api/v1/tables/{id}/views");

/** Saved under a name that is taken, a view replaces the other one: not what a new name is meant for. */
const TAKEN = {
  ...problem(
    "invalid",
    "The name is taken",
    "Another view of this table has this name.",
    "Choose another name.",
  ),
  fields: [{ field: "name", message: "Another view of this table has this name." }],
};

export function SavedViews({ model, table, current, onApply }: Props) {
  const [opened, setOpened] = useState(false);
  const [saving, setSaving] = useState(false);
  const [renaming, setRenaming] = useState<StoredView | null>(null);
  const [deleting, setDeleting] = useState<StoredView | null>(null);
  const views = $api.useQuery("get", "/api/v1/tables/{id}/views", { params: { path: { id: table.id } } });
  const items = views.data?.items ?? [];
  const shown = items.find((view) => isSameView(view, current()));
  const mine = mayChange(model);
  const save = (body: SavedView) =>
    answer(api.PUT("/api/v1/tables/{id}/views", { params: { path: { id: table.id } }, body }));
  const remove = (view: StoredView) =>
    answer(
      api.DELETE("/api/v1/tables/{id}/views/{view_id}", {
        params: { path: { id: table.id, view_id: view.id } },
      }),
    );
  return (
    <>
      <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus returnFocus withinPortal>
        <Popover.Target>
          <Button
            variant="default"
            size="xs"
            leftSection={<Bookmark size={16} />}
            title={shown && spelled(shown.name)}
            onClick={() => setOpened(!opened)}
          >
            <span className="view-name">{shown ? visible(shown.name) : "Views"}</span>
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <div className="stack" style={{ gap: 8, width: 280 }}>
            <Async query={views}>
              {() =>
                items.length === 0 ? (
                  <p className="dim small" style={{ margin: 0 }}>
                    A view keeps filters, sort, columns, widths and pins under a name, for everybody who sees
                    this table.
                  </p>
                ) : (
                  <ul className="view-list" aria-label="Saved views">
                    {items.map((view) => (
                      <li key={view.id}>
                        <button
                          type="button"
                          aria-current={view === shown ? "true" : undefined}
                          title={`Saved ${ago(view.saved_at, Date.now())}${view.saved_by ? ` by ${spelled(view.saved_by)}` : ""}`}
                          onClick={() => {
                            setOpened(false);
                            onApply(view);
                          }}
                        >
                          <span className="view-mark">
                            {view === shown && <Check size={14} aria-hidden />}
                          </span>
                          <Name text={view.name} />
                        </button>
                        {mine && (
                          <>
                            <button
                              type="button"
                              className="view-act"
                              aria-label={`Rename the view ${spelled(view.name)}`}
                              onClick={() => {
                                setOpened(false);
                                setRenaming(view);
                              }}
                            >
                              <Pencil size={14} aria-hidden />
                            </button>
                            <button
                              type="button"
                              className="view-act"
                              aria-label={`Delete the view ${spelled(view.name)}`}
                              onClick={() => {
                                setOpened(false);
                                setDeleting(view);
                              }}
                            >
                              <X size={14} aria-hidden />
                            </button>
                          </>
                        )}
                      </li>
                    ))}
                  </ul>
                )
              }
            </Async>
            <ReasonButton
              variant="default"
              size="xs"
              reason={mine ? null : "You can look at this Model, but not save views in it."}
              onClick={() => {
                setOpened(false);
                setSaving(true);
              }}
            >
              Save this view…
            </ReasonButton>
          </div>
        </Popover.Dropdown>
      </Popover>
      <Dialog opened={saving} onClose={() => setSaving(false)} title="Save this view">
        <NameForm
          name=""
          description="Whoever sees this table finds it. A view that has the name already is replaced."
          action="Save view"
          onClose={() => setSaving(false)}
          save={async (name) => {
            await save({ ...current(), name });
            await changed();
          }}
        />
      </Dialog>
      <Dialog opened={renaming !== null} onClose={() => setRenaming(null)} title="Rename the view">
        {renaming && (
          <NameForm
            name={renaming.name}
            action="Rename"
            onClose={() => setRenaming(null)}
            save={async (name) => {
              if (items.some((view) => view.name === name)) throw TAKEN;
              // First under its new name: where the second call fails it is there twice, and not gone.
              const { sort, filters, columns, widths, pinned } = renaming;
              await save({ name, sort, filters, columns, widths, pinned });
              await remove(renaming);
              await changed();
            }}
          />
        )}
      </Dialog>
      {deleting && (
        <Confirm
          opened
          title={`Delete the view ${spelled(deleting.name)}`}
          action="Delete view"
          onClose={() => setDeleting(null)}
          run={async () => {
            await remove(deleting);
            await changed();
          }}
        >
          <p>Nobody finds it any more. The table stays as it is.</p>
        </Confirm>
      )}
    </>
  );
}
