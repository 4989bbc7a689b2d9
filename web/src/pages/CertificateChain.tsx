import { Fragment } from "react";
import type { BrokenRule, Certificate } from "../api/client";
import { Code, CopyButton } from "../ui/Copy";
import { fingerprint, utc } from "../ui/format";
import { ToneIcon } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";

/** The rule in words. There is no way around one: what is not verified may be anybody. */
const RULES: Record<BrokenRule, (host: string) => string> = {
  untrusted: () =>
    "Nobody who is trusted vouches for it: neither the public trust store nor a CA certificate of this connection leads to it.",
  unsound: () =>
    "The chain does not hold: a signature, a key or what it may be used for is not as the rules ask.",
  expired: () => "Its time is over.",
  not_yet_valid: () => "Its time has not begun.",
  wrong_host: (host) => `It is for other names than ${host || "the host"}.`,
};

/** Compares as an administrator's own tools print it. */
const COMMAND = "openssl x509 -in server.crt -noout -subject -issuer -dates -fingerprint -sha256";

interface Props {
  chain: Certificate[];
  broken: BrokenRule | null;
  host: string;
}

/** What the server showed, the server's own certificate first, so that somebody who knows it can compare. */
export function CertificateChain({ chain, broken, host }: Props) {
  return (
    <section className="card stack" aria-label="The server's certificate">
      {broken && (
        <div>
          <strong>The certificate that the server showed</strong>
          <div>
            <ToneIcon tone="danger" label="broken rule" /> {RULES[broken](host)}
          </div>
        </div>
      )}
      {chain.map((certificate, at) => (
        <CertificateCard
          key={certificate.sha256}
          certificate={certificate}
          role={at === 0 ? "server" : certificate.subject === certificate.issuer ? "root" : "intermediate"}
          wrongHost={at === 0 && broken === "wrong_host"}
        />
      ))}
      {broken && (
        <div className="small">
          <p className="dim" style={{ margin: 0 }}>
            Whoever runs the server can print the same of the certificate it has, and compare:
          </p>
          <Code text={COMMAND} label="command" />
        </div>
      )}
    </section>
  );
}

function CertificateCard(props: { certificate: Certificate; role: string; wrongHost: boolean }) {
  const { certificate, role, wrongHost } = props;
  const now = Date.now();
  const over = Date.parse(certificate.not_after) < now;
  const early = Date.parse(certificate.not_before) > now;
  const print = fingerprint(certificate.sha256);
  return (
    <dl className="facts certificate">
      <div>
        <dt>Subject</dt>
        <dd>
          {certificate.subject || "(none)"} <span className="badge">{role}</span>
        </dd>
      </div>
      {certificate.names.length > 0 && (
        <div>
          <dt>Names</dt>
          <dd className={wrongHost ? "wrong" : undefined}>{certificate.names.join(", ")}</dd>
        </div>
      )}
      <div>
        <dt>Issued by</dt>
        <dd>{certificate.subject === certificate.issuer ? "itself" : certificate.issuer}</dd>
      </div>
      <div>
        <dt>Valid</dt>
        <dd className={over || early ? "wrong" : undefined}>
          {utc(certificate.not_before)} to {utc(certificate.not_after)} UTC
          {over && (
            <>
              , ended <TimeAgo at={certificate.not_after} />
            </>
          )}
          {early && (
            <>
              , begins <TimeAgo at={certificate.not_before} />
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>SHA-256</dt>
        <dd className="fingerprint">
          <Fingerprint text={print} />
          <CopyButton text={print} label={`Copy the SHA-256 of the ${role} certificate`} />
        </dd>
      </div>
    </dl>
  );
}

/** Breaks between bytes only. What is copied by hand has no more in it than what is seen. */
export function Fingerprint({ text }: { text: string }) {
  return (
    <span className="mono small">
      {text.split(/(?<=:)/).map((byte, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bytes are known by their place
        <Fragment key={at}>
          {byte}
          <wbr />
        </Fragment>
      ))}
    </span>
  );
}
