import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Column } from "../src/api/client";
import { FilterForm } from "../src/grid/FilterForm";
import type { KnownValue } from "../src/grid/kinds";

const columns: Column[] = ["id", "status"].map((name, at) => ({
  name,
  position: at + 1,
  type: "text",
  pg_type: "text",
  nullable: true,
  collation: null,
  order: "exact",
}));
const status = (name: string) => (name === "status" ? [{ value: "returned", rows: 2 }] : null);

/** The form for a new filter, and what makes the values of its columns known. */
function begun() {
  const saved = vi.fn();
  const form = (known: (column: string) => KnownValue[] | null) => (
    <MantineProvider>
      <FilterForm
        columns={columns}
        filter={{ column: "id", operator: "", value: "" }}
        values={() => null}
        known={known}
        onSave={saved}
      />
    </MantineProvider>
  );
  const { rerender } = render(form(() => null));
  return { saved, becomeKnown: () => rerender(form(status)) };
}

it("offers the values of a column that become known after it was chosen", async () => {
  const { saved, becomeKnown } = begun();
  await userEvent.selectOptions(screen.getByLabelText("Column"), "status");
  becomeKnown();
  await userEvent.click(screen.getByRole("checkbox", { name: "returned" }));
  await userEvent.click(screen.getByRole("button", { name: "Apply filter" }));
  expect(saved).toHaveBeenCalledWith([{ column: "status", operator: "in", value: "(returned)" }]);
});

it("leaves what was typed before the values were known", async () => {
  const { saved, becomeKnown } = begun();
  await userEvent.selectOptions(screen.getByLabelText("Column"), "status");
  const choice = (screen.getByLabelText("Condition") as HTMLSelectElement).value;
  await userEvent.type(screen.getByLabelText("Value"), "re");
  becomeKnown();
  expect((screen.getByLabelText("Condition") as HTMLSelectElement).value).toBe(choice);
  expect((screen.getByLabelText("Value") as HTMLInputElement).value).toBe("re");
  await userEvent.click(screen.getByRole("button", { name: "Apply filter" }));
  expect(saved).toHaveBeenCalledOnce();
});
