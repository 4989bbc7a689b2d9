import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { type Problem, toProblem } from "../api/client";
import { ProblemNotice } from "./Notice";

interface Props {
  name: string;
  description?: string;
  /** A verb: "Create Model". */
  action: string;
  save: (name: string) => Promise<unknown>;
  onClose: () => void;
}

/** A dialog's body that asks for a name and nothing else. */
export function NameForm({ name, description, action, save, onClose }: Props) {
  const [text, setText] = useState(name);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const field = problem?.fields?.find((one) => one.field === "name")?.message;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await save(text.trim());
      onClose();
    } catch (error) {
      setProblem(toProblem(error));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <TextInput
        data-autofocus
        label="Name"
        description={description}
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={field}
      />
      {problem && !field && <ProblemNotice problem={problem} />}
      <div className="dialog-actions" style={{ marginTop: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy} disabled={text.trim() === "" || text.trim() === name}>
          {action}
        </Button>
      </div>
    </form>
  );
}
