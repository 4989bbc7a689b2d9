import { ActionIcon, Menu } from "@mantine/core";
import { EllipsisVertical } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { answer, api, type Model, refresh } from "../api/client";
import { to } from "../routes";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { NameForm } from "../ui/NameForm";
import { NewOwnerField } from "./NewOwner";
import { WebhookDialog } from "./WebhookDialog";

/** What can be done with a Model as a whole: by its owner, and for others it says so. */
export function ModelMenu({ model }: { model: Model }) {
  const [dialog, setDialog] = useState<"rename" | "webhook" | "transfer" | "delete" | null>(null);
  const [email, setEmail] = useState("");
  const [, navigate] = useLocation();
  const close = () => setDialog(null);
  const params = { path: { id: model.id } };
  const owner = model.access === "owner";
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label="Actions on this Model">
            <EllipsisVertical size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!owner && <Menu.Label>Only {spelled(model.owner.name)} can do these:</Menu.Label>}
          <Menu.Item disabled={!owner} onClick={() => setDialog("rename")}>
            Rename…
          </Menu.Item>
          <Menu.Item disabled={!owner} onClick={() => setDialog("webhook")}>
            Webhook…
          </Menu.Item>
          <Menu.Item disabled={!owner} onClick={() => setDialog("transfer")}>
            Hand over…
          </Menu.Item>
          <Menu.Item
            disabled={!owner}
            c={owner ? "var(--danger)" : undefined}
            onClick={() => setDialog("delete")}
          >
            Delete Model…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={dialog === "rename"} onClose={close} title="Rename Model">
        <NameForm
          name={model.name}
          action="Rename"
          onClose={close}
          save={async (name) => {
            await answer(api.PATCH("/api/v1/models/{id}", { params, body: { name } }));
            await refresh("/api/v1/models", "/api/v1/models/{id}");
          }}
        />
      </Dialog>
      <WebhookDialog model={model} opened={dialog === "webhook"} onClose={close} />
      <Confirm
        opened={dialog === "transfer"}
        onClose={close}
        title="Hand over the Model"
        action="Hand over"
        run={async () => {
          await answer(api.POST("/api/v1/models/{id}/transfer", { params, body: { email: email.trim() } }));
          setEmail("");
          await refresh("/api/v1/models", "/api/v1/models/{id}", "/api/v1/models/{id}/members");
        }}
      >
        <p style={{ marginTop: 0 }}>
          Its new owner decides who sees it and may delete it. You stay as somebody who may change tables.
        </p>
        <NewOwnerField email={email} onChange={setEmail} />
      </Confirm>
      <Confirm
        opened={dialog === "delete"}
        onClose={close}
        title="Delete Model"
        action="Delete Model"
        typed={model.name}
        danger
        run={async () => {
          await answer(api.DELETE("/api/v1/models/{id}", { params }));
          navigate(to.models);
          await refresh("/api/v1/models");
        }}
      >
        Its {plural(model.tables, "table")} and all their versions are removed for good. The databases they
        came from are not touched.
      </Confirm>
    </>
  );
}
