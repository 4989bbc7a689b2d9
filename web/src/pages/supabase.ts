// Where a Supabase project is reached (Supabase documentation, "Connect to your database"). Nothing is guessed:
// what is not known stays empty.

export type Endpoint = "session_pooler" | "transaction_pooler" | "direct";

export interface Project {
  ref: string;
  region: string;
  /** The pooler's first words, `aws-0` or `aws-1`: which of them only the dashboard knows. */
  cluster: string;
  endpoint: Endpoint;
}

export const NO_PROJECT: Project = { ref: "", region: "", cluster: "", endpoint: "session_pooler" };

export const REGIONS: [group: string, regions: [name: string, place: string][]][] = [
  [
    "Americas",
    [
      ["us-east-1", "North Virginia"],
      ["us-east-2", "Ohio"],
      ["us-west-1", "North California"],
      ["us-west-2", "Oregon"],
      ["ca-central-1", "Canada"],
      ["sa-east-1", "São Paulo"],
    ],
  ],
  [
    "Europe",
    [
      ["eu-west-1", "Ireland"],
      ["eu-west-2", "London"],
      ["eu-west-3", "Paris"],
      ["eu-central-1", "Frankfurt"],
      ["eu-central-2", "Zurich"],
      ["eu-north-1", "Stockholm"],
    ],
  ],
  [
    "Asia Pacific",
    [
      ["ap-south-1", "Mumbai"],
      ["ap-southeast-1", "Singapore"],
      ["ap-southeast-2", "Sydney"],
      ["ap-northeast-1", "Tokyo"],
      ["ap-northeast-2", "Seoul"],
    ],
  ],
];

export const isListed = (region: string) =>
  REGIONS.some(([, regions]) => regions.some(([name]) => name === region));

/** A project's ref, also out of its URL or its dashboard's. */
export function refOf(text: string): string {
  const url = /\/project\/([a-z0-9]+)|^(?:https?:\/\/)?(?:db\.)?([a-z0-9]+)\.supabase\.(?:co|com)\b/i.exec(
    text.trim(),
  );
  return url?.[1] ?? url?.[2] ?? text.trim();
}

/** The role's own name: poolers want the project behind it. */
export const roleOf = (username: string, ref: string) =>
  ref !== "" && username.endsWith(`.${ref}`) ? username.slice(0, -ref.length - 1) : username;

/** The same of a saved connection, whose project stands nowhere else. */
export const roleAtPooler = (host: string, username: string) =>
  clusterOf(host) === "" ? username : username.replace(/\.[a-z0-9]+$/i, "");

export const usernameOf = (role: string, { ref, endpoint }: Project) =>
  endpoint === "direct" || ref === "" ? role : `${role}.${ref}`;

/** Host and port; the host is empty as long as something of it is not known. */
export function placeOf({ ref, region, cluster, endpoint }: Project): { host: string; port: string } {
  if (endpoint === "direct") return { host: ref && `db.${ref}.supabase.co`, port: "5432" };
  return {
    host: cluster && region ? `${cluster}-${region}.pooler.supabase.com` : "",
    port: endpoint === "session_pooler" ? "5432" : "6543",
  };
}

/** `aws-0` of `aws-0-eu-central-1.pooler.supabase.com`. */
export const clusterOf = (host: string) =>
  /^([a-z]+-\d+)-[a-z0-9-]+\.pooler\.supabase\.com$/i.exec(host.trim())?.[1]?.toLowerCase() ?? "";

export const isSupabaseHost = (host: string) => /\.supabase\.(?:co|com)$/i.test(host.trim());

/** The form's fields after the project's were changed. A host that was typed by hand and is not Supabase's stays. */
export function filledFrom(project: Project, before: Project, now: { host: string; username: string }) {
  const { host, port } = placeOf(project);
  const role = roleOf(now.username, before.ref) || "postgres";
  return {
    host: host || (isSupabaseHost(now.host) ? "" : now.host),
    port,
    username: usernameOf(role, project),
  };
}
