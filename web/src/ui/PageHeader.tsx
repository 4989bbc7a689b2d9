import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { spelled } from "./invisible";
import { visible } from "./Visible";

interface Props {
  title: string;
  /** Where this page hangs: label and path. */
  parent?: { label: string; to: string };
  children?: ReactNode;
}

/** The page's heading, its name in the browser's tab, and its actions. */
export function PageHeader({ title, parent, children }: Props) {
  return (
    <header className="page-head">
      <title>{`${spelled(title)} · Mycorr`}</title>
      <div style={{ minWidth: 0 }}>
        {parent && (
          <div className="crumbs">
            <Link className="link" to={parent.to}>
              {visible(parent.label)}
            </Link>
          </div>
        )}
        <Title order={1}>{visible(title)}</Title>
      </div>
      {children && <div className="row">{children}</div>}
    </header>
  );
}
