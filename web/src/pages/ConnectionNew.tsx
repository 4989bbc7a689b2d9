import { Database, Zap } from "lucide-react";
import { Link, useLocation, useSearchParams } from "wouter";
import { to } from "../routes";
import { PageHeader } from "../ui/PageHeader";
import { ConnectionDetails } from "./ConnectionDetails";
import { PasteField } from "./PasteField";
import { SampleButton } from "./SampleButton";

const KINDS = [
  {
    kind: "postgresql",
    name: "PostgreSQL",
    icon: Database,
    text: "Any server that speaks PostgreSQL: RDS, Cloud SQL, Heroku, Neon, Crunchy Bridge, Render, self-hosted.",
  },
  {
    kind: "supabase",
    name: "Supabase",
    icon: Zap,
    text: "A managed Supabase project: helps with its connection strings and its poolers.",
  },
] as const;

export default function ConnectionNew() {
  const [search] = useSearchParams();
  const [, navigate] = useLocation();
  const model = search.get("model");
  const along: Record<string, string> = model ? { model } : {};
  const parent = { label: "Connections", to: to.connections };
  const chosen = KINDS.find(({ kind }) => kind === search.get("kind"));
  if (chosen) {
    // One form for both kinds, so that what was typed or pasted outlives a change of the kind.
    return (
      <>
        <PageHeader title={`New ${chosen.name} connection`} parent={parent} />
        <ConnectionDetails kind={chosen.kind} model={model} />
      </>
    );
  }
  return (
    <>
      <PageHeader title="New connection" parent={parent} />
      <PasteField search={along} />
      <div className="row sample">
        <SampleButton
          onConnected={async ({ id }) =>
            navigate(model ? to.model(model, "import", { connection: id }) : `${to.connection(id)}?saved=1`)
          }
        />
      </div>
      <h2 style={{ margin: "24px 0 12px" }}>Or say what kind of database it is</h2>
      <div className="cards">
        {KINDS.map(({ kind, name, icon: Icon, text }) => (
          <Link key={kind} className="choice" to={to.newConnection({ kind, ...along })}>
            <h3>
              <Icon size={18} aria-hidden className="icon" />
              {name}
            </h3>
            <p>{text}</p>
          </Link>
        ))}
      </div>
    </>
  );
}
