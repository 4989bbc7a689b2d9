import { describe, expect, it } from "vitest";
import { CHECKS, EMPTY, isConnectionString, toRequest } from "../src/pages/ConnectionForm";
import {
  clusterOf,
  filledFrom,
  NO_PROJECT,
  placeOf,
  refOf,
  roleAtPooler,
  roleOf,
} from "../src/pages/supabase";

describe("the connection form", () => {
  it("asks for encryption and sends no certificate without it", () => {
    expect(EMPTY.encrypted).toBe(true);
    const values = {
      ...EMPTY,
      name: " Prod ",
      host: "db.example.com ",
      password: " p ",
      ca_certificate: "PEM",
    };
    expect(toRequest("postgresql", values)).toMatchObject({
      kind: "postgresql",
      name: "Prod",
      host: "db.example.com",
      port: 5432,
      password: " p ",
      encrypted: true,
      ca_certificate: "PEM",
    });
    expect(toRequest("supabase", { ...values, encrypted: false }).ca_certificate).toBeNull();
  });

  it("knows a connection string when one is pasted", () => {
    for (const text of [
      "postgres://u:p@db.example.com/shop",
      "DATABASE_URL=postgresql://u@h/d",
      "jdbc:postgresql://h:5432/d",
      " psql -h db.example.com -U u shop",
      "dbname=shop host=db.example.com",
    ]) {
      expect(isConnectionString(text), text).toBe(true);
    }
    for (const text of [
      "db.example.com",
      "hunter2",
      "mycorr_reader",
      "ghost=1",
      "-----BEGIN CERTIFICATE-----",
    ]) {
      expect(isConnectionString(text), text).toBe(false);
    }
  });

  it("knows a port when it sees one", () => {
    for (const port of ["5432", " 1 ", "65535"]) expect(CHECKS.port(port)).toBeNull();
    for (const port of ["", "0", "65536", "54 32", "5e3", "-1"]) expect(CHECKS.port(port)).not.toBeNull();
  });
});

describe("a Supabase project", () => {
  const project = { ref: "abcdefghijklmnopqrst", region: "eu-central-1", cluster: "aws-1" };
  const empty = { host: "", username: "postgres" };

  it("is reached where the endpoint says, and nowhere while something is unknown", () => {
    for (const [endpoint, host, port, username] of [
      ["session_pooler", "aws-1-eu-central-1.pooler.supabase.com", "5432", "postgres.abcdefghijklmnopqrst"],
      [
        "transaction_pooler",
        "aws-1-eu-central-1.pooler.supabase.com",
        "6543",
        "postgres.abcdefghijklmnopqrst",
      ],
      ["direct", "db.abcdefghijklmnopqrst.supabase.co", "5432", "postgres"],
    ] as const) {
      expect(filledFrom({ ...project, endpoint }, NO_PROJECT, empty)).toEqual({ host, port, username });
    }
    expect(placeOf(NO_PROJECT).host).toBe("");
    expect(placeOf({ ...NO_PROJECT, endpoint: "direct" }).host).toBe("");
    expect(placeOf({ ...project, cluster: "", endpoint: "session_pooler" }).host).toBe("");
    expect(placeOf({ ...project, region: "", endpoint: "session_pooler" }).host).toBe("");
  });

  it("keeps the role through every change, and a host that is not Supabase's", () => {
    const session = { ...project, endpoint: "session_pooler" } as const;
    const direct = { ...project, endpoint: "direct" } as const;
    const there = filledFrom(session, NO_PROJECT, { host: "", username: "reader" });
    expect(there.username).toBe("reader.abcdefghijklmnopqrst");
    const back = filledFrom(direct, session, there);
    expect(back.username).toBe("reader");
    // Nothing of the old endpoint stays in sight when the new one's host is not known.
    expect(filledFrom({ ...session, region: "" }, direct, back)).toMatchObject({ host: "" });
    expect(filledFrom({ ...session, region: "" }, direct, { ...back, host: "proxy.example.com" }).host).toBe(
      "proxy.example.com",
    );
    expect(filledFrom({ ...session, ref: "other" }, session, there).username).toBe("reader.other");
    expect(roleOf("a.b", "")).toBe("a.b");
    expect(roleAtPooler(there.host, there.username)).toBe("reader");
    expect(roleAtPooler("db.example.com", "a.b")).toBe("a.b");
  });

  it("is found in what people paste", () => {
    for (const text of [
      "abcdefghijklmnopqrst",
      " https://abcdefghijklmnopqrst.supabase.co ",
      "db.abcdefghijklmnopqrst.supabase.co",
      "https://supabase.com/dashboard/project/abcdefghijklmnopqrst/settings/general",
    ]) {
      expect(refOf(text), text).toBe("abcdefghijklmnopqrst");
    }
    expect(clusterOf("aws-0-eu-central-1.pooler.supabase.com")).toBe("aws-0");
    expect(clusterOf("db.abcdefghijklmnopqrst.supabase.co")).toBe("");
  });
});
