// What the HTTP API takes and answers, from the document that the server makes of its own code.
import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Code } from "../ui/Copy";
import { PageHeader } from "../ui/PageHeader";
import {
  type ApiDocument,
  answersOf,
  bodyOf,
  curl,
  type Endpoint,
  endpointsOf,
  type Field,
  fieldsOf,
  parametersOf,
  type Schema,
  typeOf,
} from "./apiDocument";
import "./api.css";

export default function ApiReference() {
  const query = useQuery({
    queryKey: ["openapi"],
    queryFn: async ({ signal }): Promise<ApiDocument> => {
      const answer = await fetch("/api/openapi.json", { signal });
      if (!answer.ok) throw new Error(`/api/openapi.json was answered with status ${answer.status}.`);
      return answer.json();
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <PageHeader title="HTTP API" />
      <Async query={query}>{(document) => <Reference document={document} />}</Async>
    </>
  );
}

function Reference({ document }: { document: ApiDocument }) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const all = endpointsOf(document);
  const found = all.filter(({ method, path, summary = "", id }) =>
    `${method} ${path} ${summary} ${id}`.toLowerCase().includes(wanted),
  );
  const { origin } = window.location;
  return (
    <div className="stack api">
      <div className="text">
        <p>
          Everything that this page does, a program can do too. It sends a token, which you make under{" "}
          <Link className="link" to={to.tokens}>
            API tokens
          </Link>
          , and JSON. A failure is a problem document (RFC 9457) with a <code>code</code> that never changes,
          a sentence and a fix. Lists answer <code>items</code> and <code>next</code>, which goes on as{" "}
          <code>after</code>.
        </p>
        <p>
          The same as a document for programs:{" "}
          <a className="link" href="/api/openapi.json">
            /api/openapi.json
          </a>{" "}
          (OpenAPI 3.1).
        </p>
      </div>
      <Code label="first call" text={`export TOKEN=myc_…\n${curlOf(origin)}`} />
      <details className="api-more">
        <summary>A token without a browser</summary>
        <p className="text">
          A request with a cookie needs the header <code>Origin</code>, so that no other site can send it in
          your name. One with a token does not.
        </p>
        <Code label="token by curl" text={tokenByCurl(origin)} />
      </details>
      <TextInput
        data-search
        className="form"
        aria-label="Search the API"
        placeholder="Search paths and words"
        leftSection={<Search size={16} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {found.length === 0 && <p className="dim">Nothing in the API is called that.</p>}
      {(document.tags ?? []).map(({ name, description }) => {
        const endpoints = found.filter(({ tag }) => tag === name);
        if (endpoints.length === 0) return null;
        return (
          <section key={name} aria-labelledby={`tag-${name}`}>
            <h2 id={`tag-${name}`} className="api-tag">
              {name} <span className="dim">{description}</span>
            </h2>
            {endpoints.map((endpoint) => (
              <EndpointDetails key={endpoint.id} document={document} endpoint={endpoint} />
            ))}
          </section>
        );
      })}
    </div>
  );
}

const curlOf = (origin: string) => `curl -H "Authorization: Bearer $TOKEN" "${origin}/api/v1/models"`;

const tokenByCurl = (origin: string) =>
  [
    `curl -c cookies -H "Content-Type: application/json" \\`,
    `  -d '{"email":"you@example.com","password":"…"}' "${origin}/api/v1/sign-in"`,
    `curl -b cookies -H "Origin: ${origin}" -H "Content-Type: application/json" \\`,
    `  -d '{"name":"script"}' "${origin}/api/v1/tokens"`,
  ].join("\n");

function EndpointDetails({ document, endpoint }: { document: ApiDocument; endpoint: Endpoint }) {
  const [open, setOpen] = useState(false);
  const element = useRef<HTMLDetailsElement>(null);
  // A link to it opens it.
  useEffect(() => {
    const show = () => {
      if (window.location.hash !== `#${endpoint.id}`) return;
      setOpen(true);
      element.current?.scrollIntoView();
    };
    show();
    window.addEventListener("hashchange", show);
    return () => window.removeEventListener("hashchange", show);
  }, [endpoint.id]);
  return (
    <details
      ref={element}
      id={endpoint.id}
      className="api-endpoint"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <span className={`api-method ${endpoint.method.toLowerCase()}`}>{endpoint.method}</span>
        <span className="mono api-path">{endpoint.path}</span>
        <span className="dim api-summary">
          <Words text={endpoint.summary ?? ""} />
        </span>
      </summary>
      {open && <EndpointBody document={document} endpoint={endpoint} />}
    </details>
  );
}

function EndpointBody({ document, endpoint }: { document: ApiDocument; endpoint: Endpoint }) {
  const parameters = parametersOf(document, endpoint);
  const body = bodyOf(endpoint);
  return (
    <div className="stack api-body">
      {endpoint.description && (
        <p className="text">
          <Words text={endpoint.description} />
        </p>
      )}
      {parameters.length > 0 && <Fields document={document} title="Parameters" fields={parameters} />}
      {body && <Fields document={document} title="Body" fields={fieldsOf(document, body)} />}
      {answersOf(endpoint).map(({ status, description, types, schema }) => (
        <div key={status} className="stack" style={{ gap: 8 }}>
          <h3>
            Answer {status} {schema && <span className="mono">{typeOf(schema)}</span>}
          </h3>
          {(description || types.length > 0) && (
            <p className="dim small" style={{ margin: 0 }}>
              {[description, types.join(", ")].filter(Boolean).join(" · ")}
            </p>
          )}
          {schema && <Fields document={document} fields={fieldsOf(document, schema)} />}
        </div>
      ))}
      <Code label={`${endpoint.id} by curl`} text={curl(window.location.origin, document, endpoint)} />
    </div>
  );
}

function Fields(props: { document: ApiDocument; title?: string; fields: Field[] }) {
  const { document, title, fields } = props;
  if (fields.length === 0) return null;
  return (
    <div className="stack" style={{ gap: 8 }}>
      {title && <h3>{title}</h3>}
      <dl className="api-fields">
        {fields.map(({ name, type, required, text, schema }) => (
          <div key={name}>
            <dt>
              <span className="mono">{name}</span>
              <span className="dim small">
                {type}
                {required && ", required"}
              </span>
            </dt>
            <dd>
              <Words text={text} />
              {schema && <Nested document={document} name={name} schema={schema} />}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Drawn when opened: a schema may hold itself. */
function Nested({ document, name, schema }: { document: ApiDocument; name: string; schema: Schema }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="api-more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Fields of <span className="mono">{name}</span>
      </summary>
      {open && <Fields document={document} fields={fieldsOf(document, schema)} />}
    </details>
  );
}

/** Text with `code` in it, as the document has it. */
function Words({ text }: { text: string }): ReactNode {
  return text.split("`").map((part, at) =>
    at % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text
      <code key={at}>{part}</code>
    ) : (
      part
    ),
  );
}
