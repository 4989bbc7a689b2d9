import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { isListed, NO_PROJECT, type Project, REGIONS, refOf } from "./supabase";

const OTHER = "other";

const ENDPOINTS: { endpoint: Project["endpoint"]; title: string; tag: string; text: string }[] = [
  {
    endpoint: "session_pooler",
    title: "Session pooler",
    tag: "port 5432, recommended",
    text: "Reached from everywhere over IPv4, and behaves like the database itself.",
  },
  {
    endpoint: "transaction_pooler",
    title: "Transaction pooler",
    tag: "port 6543, works",
    text: "Mycorr uses no named statements, so it works too. Should you ever see “prepared statement … already exists”, take the session pooler or the direct connection.",
  },
  {
    endpoint: "direct",
    title: "Direct connection",
    tag: "port 5432, IPv6",
    text: "Without a pooler. Over IPv6 only, unless the project has bought an IPv4 address.",
  },
];

interface Props {
  project: Project;
  onChange: (project: Project) => void;
}

/** What a Supabase project is, asked in the dashboard's own words; host, port and user follow from it. */
export function SupabaseFields({ project, onChange }: Props) {
  const { ref, region, cluster, endpoint } = project;
  const [other, setOther] = useState(false);
  const typed = other || (region !== "" && !isListed(region));
  const pooled = endpoint !== "direct";
  return (
    <>
      <p className="dim" style={{ margin: 0 }}>
        In your project's dashboard, <strong>Connect</strong> shows the connection strings. Paste one into any
        field here and all of them fill themselves, or fill them in:
      </p>
      <TextInput
        label="Project ref"
        description="20 letters: in the dashboard's address, and under Project Settings, General."
        autoComplete="off"
        spellCheck={false}
        value={ref}
        onChange={(event) => onChange({ ...project, ref: refOf(event.currentTarget.value) })}
      />
      <fieldset className="endpoints">
        <legend>How to reach it</legend>
        {ENDPOINTS.map((one) => (
          <label key={one.endpoint} className="choice">
            <input
              type="radio"
              name="endpoint"
              checked={endpoint === one.endpoint}
              onChange={() => onChange({ ...project, endpoint: one.endpoint })}
            />
            <span>
              <strong>{one.title}</strong> <span className="badge">{one.tag}</span>
              <span className="dim">{one.text}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {pooled && (
        <>
          <div className="pooler-place">
            <NativeSelect
              label="Region"
              value={typed ? OTHER : region}
              onChange={(event) => {
                const picked = event.currentTarget.value;
                setOther(picked === OTHER);
                onChange({ ...project, region: picked === OTHER ? "" : picked });
              }}
            >
              <option value="">Pick the project's region</option>
              {REGIONS.map(([group, regions]) => (
                <optgroup key={group} label={group}>
                  {regions.map(([name, place]) => (
                    <option key={name} value={name}>
                      {place} · {name}
                    </option>
                  ))}
                </optgroup>
              ))}
              <option value={OTHER}>Another one…</option>
            </NativeSelect>
            <NativeSelect
              label="Pooler"
              value={cluster}
              onChange={(event) => onChange({ ...project, cluster: event.currentTarget.value })}
              data={[
                { value: "", label: "Pick" },
                ...[...new Set(["aws-0", "aws-1", cluster])]
                  .filter(Boolean)
                  .map((value) => ({ value, label: value })),
              ]}
            />
          </div>
          {typed && (
            <TextInput
              label="Region's name"
              description="As it stands in the pooler's host, for example eu-central-1."
              autoComplete="off"
              spellCheck={false}
              autoFocus={other}
              value={region}
              onChange={(event) => onChange({ ...project, region: event.currentTarget.value.trim() })}
            />
          )}
          <p className="dim small" style={{ margin: 0 }}>
            The pooler's host begins with aws-0 or aws-1, as the dashboard's connection string shows it.
            Neither it nor the region can be known from the ref, so Mycorr does not guess.
          </p>
        </>
      )}
    </>
  );
}

/** What the server read out of a pasted string. */
export function projectOf(
  read: { project_ref: string | null; region: string | null; endpoint: Project["endpoint"] },
  cluster: string,
): Project {
  return {
    ...NO_PROJECT,
    ref: read.project_ref ?? "",
    region: read.region ?? "",
    cluster,
    endpoint: read.endpoint,
  };
}
