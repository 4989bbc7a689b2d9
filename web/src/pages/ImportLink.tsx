import { Button } from "@mantine/core";
import { Link } from "wouter";
import type { Model } from "../api/client";
import { to } from "../routes";
import { mayChange } from "./access";

/** The way on from a page that has nothing to show before a table is here; nothing for who may only look. */
export function ImportLink({ model }: { model: Model }) {
  if (!mayChange(model)) return null;
  return (
    <Button component={Link} to={to.model(model.id, "import")}>
      Import a table
    </Button>
  );
}
