import { Button } from "@mantine/core";
import { Link } from "wouter";
import type { Model } from "../api/client";
import { type ModelTab, to } from "../routes";
import { Empty } from "../ui/Async";

/** In the place of a table that a link names and the Model has not. */
export function TableGone({ model, tab }: { model: Model; tab: ModelTab }) {
  return (
    <Empty
      title="This table is not here"
      action={
        <Button component={Link} to={to.model(model.id, tab)}>
          Show the tables that are
        </Button>
      }
    >
      <p>It was deleted, or its import is not done yet.</p>
    </Empty>
  );
}
