import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { visible } from "./Visible";

/** Through the `copy` event: `navigator.clipboard` does not exist on a page that came over plain http. */
export function copyText(text: string): boolean {
  const fill = (event: ClipboardEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData?.setData("text/plain", text);
  };
  document.addEventListener("copy", fill, { capture: true, once: true });
  const done = document.execCommand("copy");
  document.removeEventListener("copy", fill, { capture: true });
  return done;
}

/**
 * For text that took a while to come. By the `copy` event browsers let a page write the clipboard for a few seconds
 * after a key or a click; `navigator.clipboard`, where it exists, may be let longer.
 */
export async function writeText(text: string): Promise<boolean> {
  if (copyText(text)) return true;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** An icon, or with `words` a button, that says for two seconds that it has copied. */
export function CopyButton({ text, label, words }: { text: string; label: string; words?: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => setCopied(copyText(text));
  const icon = copied ? <Check size={16} /> : <CopyIcon size={16} />;
  if (words) {
    return (
      <Button variant="default" leftSection={icon} onClick={copy}>
        {copied ? "Copied" : label}
      </Button>
    );
  }
  return (
    <Tooltip label={copied ? "Copied" : label}>
      <ActionIcon variant="subtle" color="gray" aria-label={copied ? "Copied" : label} onClick={copy}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <pre tabIndex={0} aria-label={label} role="group">
        {visible(text, true)}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}
