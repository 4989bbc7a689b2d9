import { Button, Input } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  label: string;
  /** What is known of the stored secret: "Set." and never more than the server tells. */
  stored: ReactNode;
  /** null: the stored one stays. */
  value: string | null;
  onChange: (value: string | null) => void;
  /** The field for a new value. */
  children: ReactNode;
  /** Further buttons beside Replace. */
  actions?: ReactNode;
}

/** A secret that can be replaced and never read. */
export function SecretField({ label, stored, value, onChange, children, actions }: Props) {
  if (value === null) {
    return (
      <Input.Wrapper label={label} labelElement="div">
        <div className="row spread" style={{ alignItems: "flex-start" }}>
          <div className="secret">{stored}</div>
          <div className="row">
            <Button variant="default" size="xs" onClick={() => onChange("")} aria-label={`Replace ${label}`}>
              Replace
            </Button>
            {actions}
          </div>
        </div>
      </Input.Wrapper>
    );
  }
  return (
    <div>
      {children}
      <Button variant="subtle" size="xs" mt={4} onClick={() => onChange(null)}>
        Keep the stored one
      </Button>
    </div>
  );
}
