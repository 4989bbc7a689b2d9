import { Button, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { toProblem } from "../api/client";
import { Dialog } from "./Dialog";
import { ProblemNotice } from "./Notice";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** A verb: "Delete connection". */
  action: string;
  /** What must be typed first; for what cannot be brought back. */
  typed?: string;
  danger?: boolean;
  run: () => Promise<unknown>;
  children: ReactNode;
}

/** Every act that is hard to undo goes through here. It stays open, with the reason, when the act fails. */
export function Confirm(props: Props) {
  return (
    <Dialog opened={props.opened} onClose={props.onClose} title={props.title}>
      <Body {...props} />
    </Dialog>
  );
}

function Body({ onClose, action, typed, danger, run, children }: Props) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const ready = typed === undefined || text === typed;
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await run();
      onClose();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void submit();
      }}
    >
      <div className="stack">
        <div className="text">{children}</div>
        {typed !== undefined && (
          <TextInput
            label={`Type ${typed} to go on`}
            autoComplete="off"
            data-autofocus
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
      </div>
      <div className="dialog-actions">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" color={danger ? "red.8" : undefined} disabled={!ready} loading={busy}>
          {action}
        </Button>
      </div>
    </form>
  );
}
