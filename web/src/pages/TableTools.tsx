import { Button, Checkbox, Popover, TextInput } from "@mantine/core";
import { Columns3, Link as LinkIcon } from "lucide-react";
import { useState } from "react";
import type { Column, VersionName } from "../api/client";
import type { Look } from "../grid/headActions";
import { formatWidths, joinWords } from "../grid/view";
import { copyText } from "../ui/Copy";
import { visible } from "../ui/Visible";

/** The address of exactly this view: it names the version too, so that a sync does not change what it shows. */
export function CopyLink({ version, look }: { version: VersionName; look: Look }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    const url = new URL(window.location.href);
    url.searchParams.set("v", String(version));
    if (!url.searchParams.has("w") && !url.searchParams.has("pin")) {
      for (const width of formatWidths(look.widths)) url.searchParams.append("w", width);
      if (look.pins.size > 0) url.searchParams.set("pin", joinWords([...look.pins]));
    }
    setCopied(copyText(url.href));
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <Button variant="default" size="xs" leftSection={<LinkIcon size={16} />} onClick={copy}>
      {copied ? "Copied" : "Copy link"}
    </Button>
  );
}

/** Few columns need no search field. */
const MANY = 10;

export function ColumnsMenu(props: {
  columns: Column[];
  order: string[];
  onOrder: (order: string[] | null) => void;
}) {
  const { columns, order, onOrder } = props;
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const found = columns.filter(({ name }) => name.toLowerCase().includes(wanted));
  const shown = new Set(order);
  const toggle = (name: string) => {
    if (!shown.has(name)) {
      // Back to where it was in the table, among those that are shown.
      const names = columns.map((column) => column.name);
      const at = order.findIndex((other) => names.indexOf(other) > names.indexOf(name));
      onOrder(at < 0 ? [...order, name] : order.toSpliced(at, 0, name));
    } else if (order.length > 1) {
      onOrder(order.filter((other) => other !== name));
    }
  };
  const hidden = columns.length - order.length;
  return (
    <Popover position="bottom-end" trapFocus returnFocus withinPortal>
      <Popover.Target>
        <Button variant="default" size="xs" leftSection={<Columns3 size={16} />}>
          {hidden > 0 ? `Columns, ${hidden} hidden` : "Columns"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        {columns.length >= MANY && (
          <TextInput
            data-autofocus
            size="xs"
            mb={8}
            aria-label="Search columns"
            placeholder="Search columns"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        <div className="stack" style={{ gap: 8, maxHeight: 360, overflow: "auto", padding: 2 }}>
          {found.length === 0 && <span className="dim small">No column is called that.</span>}
          {found.map(({ name }) => (
            <Checkbox
              key={name}
              label={visible(name)}
              checked={shown.has(name)}
              disabled={shown.has(name) && order.length === 1}
              onChange={() => toggle(name)}
            />
          ))}
        </div>
        <Button variant="subtle" size="xs" mt={8} onClick={() => onOrder(null)}>
          Show all, as in the table
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
