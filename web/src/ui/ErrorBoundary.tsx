import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Notice } from "./Notice";

/** A mistake in the page itself, or a part of it that could not be loaded: said, with a way on. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <main className="page">
        <Notice tone="danger" title="This page stopped working">
          <p>
            The mistake is in the page, not in your data. It may also be that Mycorr was updated since you
            opened it. Loading it again helps in both cases.
          </p>
          <div className="row" style={{ marginTop: 12 }}>
            <Button onClick={() => window.location.reload()}>Load the page again</Button>
          </div>
        </Notice>
      </main>
    );
  }
}
