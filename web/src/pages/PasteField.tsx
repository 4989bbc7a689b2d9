import { TextInput } from "@mantine/core";
import { ClipboardPaste } from "lucide-react";
import { isConnectionString } from "./ConnectionForm";
import { usePasteToConnect } from "./pasted";

/** Takes a connection string, also one that is pasted beside it. */
export function PasteField({ search }: { search?: Record<string, string> }) {
  const open = usePasteToConnect(search);
  return (
    <TextInput
      autoFocus
      className="form"
      label="Connection string"
      description="Paste it here, or anywhere on this page: its parts fill the form, and the password is kept out of sight."
      placeholder="postgres://…"
      leftSection={<ClipboardPaste size={16} />}
      autoComplete="off"
      spellCheck={false}
      onKeyDown={(event) => {
        const text = event.currentTarget.value;
        if (event.key === "Enter" && isConnectionString(text)) open(text);
      }}
    />
  );
}
