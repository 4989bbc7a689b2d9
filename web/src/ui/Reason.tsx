import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";

interface Props extends ButtonProps {
  /** Why it can't be pressed; null where it can. */
  reason: string | null;
  onClick: () => void;
  "aria-label"?: string;
  "aria-pressed"?: boolean;
  children: ReactNode;
}

/** A button that says why it can't be pressed: it stays in the tab order, so that the reason can be read there. */
export function ReasonButton({ reason, onClick, ...props }: Props) {
  return (
    <Tooltip label={reason} disabled={reason === null} multiline maw={320}>
      <Button
        {...props}
        aria-disabled={reason !== null}
        data-disabled={reason !== null || undefined}
        onClick={reason === null ? onClick : undefined}
      />
    </Tooltip>
  );
}
