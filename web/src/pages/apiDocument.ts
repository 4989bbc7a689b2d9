// The product's OpenAPI document, as far as the page tells it.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  default?: unknown;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

type Content = Record<string, { schema?: Schema }>;

interface Operation {
  tags?: string[];
  summary?: string;
  description?: string;
  operationId?: string;
  parameters?: {
    name: string;
    in: string;
    required?: boolean;
    description?: string;
    schema?: Schema;
    example?: unknown;
  }[];
  requestBody?: { content: Content };
  responses: Record<string, { description?: string; content?: Content }>;
}

export interface ApiDocument {
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

export interface Endpoint extends Operation {
  id: string;
  method: string;
  path: string;
  tag: string;
}

export interface Field {
  name: string;
  type: string;
  required: boolean;
  /** What it means, and what it may be. */
  text: string;
  /** The fields in it, where it has some. */
  schema: Schema | null;
}

const METHODS = ["get", "post", "put", "patch", "delete"];

export const endpointsOf = (document: ApiDocument): Endpoint[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const id = operation.operationId ?? `${method} ${path}`;
      return [{ ...operation, id, method: method.toUpperCase(), path, tag: operation.tags?.[0] ?? "" }];
    }),
  );

const nameOf = (ref: string) => ref.slice(ref.lastIndexOf("/") + 1);

/** What a reference leads to. */
export function resolved(document: ApiDocument, schema: Schema): Schema {
  const to = schema.$ref && document.components.schemas[nameOf(schema.$ref)];
  return to ? resolved(document, to) : schema;
}

/** In words: `integer`, `list of string`, `Limits or null`. */
export function typeOf(schema: Schema | undefined): string {
  if (!schema) return "anything";
  if (schema.$ref) return nameOf(schema.$ref);
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map(typeOf).join(" or ");
  if (schema.allOf?.length === 1) return typeOf(schema.allOf[0]);
  const types = [schema.type ?? "anything"].flat().map((type) => {
    if (type === "array") return `list of ${typeOf(schema.items)}`;
    if (type === "string" && schema.format && schema.format !== "password") return schema.format;
    return type;
  });
  return types.join(" or ");
}

/** The schema whose fields a value of this one has, through lists and alternatives with null. */
function inner(document: ApiDocument, schema: Schema): Schema | null {
  const at = resolved(document, schema);
  if (at.properties && Object.keys(at.properties).length > 0) return at;
  if (at.items) return inner(document, at.items);
  const several = (at.oneOf ?? at.anyOf ?? at.allOf ?? []).filter(({ type }) => type !== "null");
  return several.length === 1 && several[0] ? inner(document, several[0]) : null;
}

/** What a value may be beyond its type. */
function bounds(document: ApiDocument, schema: Schema): string[] {
  const at = resolved(document, schema);
  const words = at.enum ?? at.items?.enum;
  return [
    words ? `One of ${words.map((word) => `\`${word}\``).join(", ")}.` : "",
    at.minimum !== undefined && at.maximum !== undefined ? `From ${at.minimum} to ${at.maximum}.` : "",
    at.maxLength !== undefined ? `At most ${at.maxLength} characters.` : "",
    at.default !== undefined ? `\`${JSON.stringify(at.default)}\` when left out.` : "",
  ].filter(Boolean);
}

const sentence = (document: ApiDocument, description: string | undefined, schema: Schema | undefined) =>
  [description ?? schema?.description, ...(schema ? bounds(document, schema) : [])].filter(Boolean).join(" ");

export function fieldsOf(document: ApiDocument, schema: Schema): Field[] {
  const at = inner(document, schema);
  return Object.entries(at?.properties ?? {}).map(([name, field]) => ({
    name,
    type: typeOf(field),
    required: at?.required?.includes(name) ?? false,
    text: sentence(document, field.description, field),
    schema: inner(document, field),
  }));
}

export const parametersOf = (document: ApiDocument, endpoint: Endpoint): Field[] =>
  (endpoint.parameters ?? []).map(({ name, required, description, schema, example }) => ({
    name,
    type: typeOf(schema),
    required: required ?? false,
    text: [
      sentence(document, description, schema),
      example === undefined ? "" : `Example: \`${[example].flat().join("&")}\``,
    ]
      .filter(Boolean)
      .join(" "),
    schema: null,
  }));

export const bodyOf = ({ requestBody }: Endpoint): Schema | null =>
  requestBody?.content["application/json"]?.schema ?? null;

/** The statuses of success, and what comes with them. */
export const answersOf = ({ responses }: Endpoint) =>
  Object.entries(responses)
    .filter(([status]) => status.startsWith("2"))
    .map(([status, { description, content }]) => ({
      status,
      description: description ?? "",
      types: Object.keys(content ?? {}),
      schema: content?.["application/json"]?.schema ?? null,
    }));

/** As it is called from a shell. */
export function curl(origin: string, document: ApiDocument, endpoint: Endpoint): string {
  const body = bodyOf(endpoint);
  const required = body ? fieldsOf(document, body).filter((field) => field.required) : [];
  const example = Object.fromEntries(required.map(({ name, type }) => [name, placeholder(type)]));
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const lines = [
    `curl${endpoint.method === "GET" ? "" : ` -X ${endpoint.method}`} -H "Authorization: Bearer $TOKEN"`,
    ...(body ? [`  -H "Content-Type: application/json" -d '${JSON.stringify(example)}'`] : []),
    `  "${origin}${path}"`,
  ];
  return lines.join(" \\\n");
}

const placeholder = (type: string) =>
  type.startsWith("integer") || type.startsWith("number")
    ? 0
    : type.startsWith("boolean")
      ? true
      : type.startsWith("list")
        ? []
        : "…";
