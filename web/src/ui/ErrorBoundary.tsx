import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Notice } from "./Notice";

/** A mistake in the page itself, or a part of it that could not be loaded: said, with a way on. */
export class ErrorBoundary extends Component<{ at?: string; children: ReactNode }, { error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  /** Another place is another page: it may work. */
  override componentDidUpdate(before: { at?: string }) {
    if (before.at !== this.props.at && this.state.error !== undefined) this.setState({ error: undefined });
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div className="page">
        <title>Not working · Mycorr</title>
        <h1 className="visually-hidden">This page stopped working</h1>
        <Notice tone="danger" title="This page stopped working">
          <p>
            The mistake is in the page, not in your data: nothing that is stored was touched. Load it again,
            or go to another page.
          </p>
          <div className="row" style={{ marginTop: 12 }}>
            <Button onClick={() => window.location.reload()}>Load the page again</Button>
          </div>
        </Notice>
      </div>
    );
  }
}
