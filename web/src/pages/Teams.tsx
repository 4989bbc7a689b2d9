import { Button } from "@mantine/core";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { $api, answer, api, refresh } from "../api/client";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { Dialog } from "../ui/Dialog";
import { count } from "../ui/format";
import { NameForm } from "../ui/NameForm";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { visible } from "../ui/Visible";

/** The teams that one belongs to. */
export default function Teams() {
  const teams = $api.useQuery("get", "/api/v1/teams", { params: { query: { limit: 1000 } } });
  const [creating, setCreating] = useState(false);
  const [, navigate] = useLocation();
  const some = (teams.data?.items.length ?? 0) > 0;
  const create = (
    <Button leftSection={<Plus size={16} />} onClick={() => setCreating(true)}>
      New team
    </Button>
  );
  return (
    <>
      <PageHeader title="Teams">{some && create}</PageHeader>
      <Async
        query={teams}
        empty={({ items }) =>
          items.length === 0 ? (
            <Empty title="No team yet" action={create}>
              <p>
                Share a Model with a team, and everybody in it can open the Model, also people who join later.
              </p>
            </Empty>
          ) : undefined
        }
      >
        {({ items }) => (
          <div className="table-wrap">
            <table className="list folding" aria-label="Teams">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>You are</th>
                  <th className="num">People</th>
                  <th>Made</th>
                </tr>
              </thead>
              <tbody>
                {items.map((team) => (
                  <tr key={team.id}>
                    <td>
                      <Link className="link" to={to.team(team.id)}>
                        {visible(team.name)}
                      </Link>
                    </td>
                    <td data-label="You are">{team.role === "admin" ? "an admin" : "a member"}</td>
                    <td className="num" data-label="People">
                      {count(team.members)}
                    </td>
                    <td data-label="Made">
                      <TimeAgo at={team.created_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Async>
      <Dialog opened={creating} onClose={() => setCreating(false)} title="New team">
        <NameForm
          name=""
          description="Who is in it, e.g. “Analysts”."
          action="Create team"
          onClose={() => setCreating(false)}
          save={async (name) => {
            const team = await answer(api.POST("/api/v1/teams", { body: { name } }));
            await refresh("/api/v1/teams");
            navigate(to.team(team.id));
          }}
        />
      </Dialog>
    </>
  );
}
