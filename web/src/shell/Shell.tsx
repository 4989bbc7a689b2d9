import { ActionIcon, Button, Loader, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import {
  Braces,
  CircleUser,
  KeyRound,
  LogOut,
  MailPlus,
  Monitor,
  Moon,
  PlugZap,
  ScrollText,
  Search,
  Sun,
  UserCog,
  Users,
} from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Link, Redirect, useLocation } from "wouter";
import { queryClient, toProblem, useMe } from "../api/client";
import { useFollowed, useLastEnded, watchJobs } from "../api/events";
import { useLost } from "../api/lost";
import Icon from "../icon.svg";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import { plural } from "../ui/format";
import { Bell } from "./Bell";
import { CommandMenu } from "./CommandMenu";
import { useFocusKeeper, useFocusOnPage } from "./focus";
import { KeysHelp } from "./KeysHelp";
import { SessionEnded } from "./SessionEnded";
import { signOut } from "./signOut";

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The frame of every page but the sign-in page; shown to who is signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const me = useMe();
  const [path] = useLocation();
  const [searching, setSearching] = useState(false);
  const [keys, setKeys] = useState(false);
  useHotkeys([["mod+K", () => setSearching(true)]], []);
  useHotkeys([
    ["shift+?", () => setKeys(true)],
    ["/", search],
  ]);
  useFocusKeeper();
  useFocusOnPage(path);
  const signedIn = me.data !== undefined;
  useEffect(() => {
    if (signedIn) watchJobs();
  }, [signedIn]);

  const ended = me.error !== null && toProblem(me.error).status === 401;
  if (ended && !me.data) {
    const next = path + window.location.search;
    return <Redirect to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="shell-head">
        <Link className="brand" to={to.models} aria-label="Mycorr, all Models">
          <img src={Icon} width={24} height={24} alt="" />
          <span>Mycorr</span>
        </Link>
        <nav className="row" style={{ gap: 4, flexWrap: "nowrap" }} aria-label="Main">
          <NavLink to={to.models} current={path === "/" || path.startsWith("/models/")}>
            Models
          </NavLink>
          <NavLink to={to.jobs} current={path === to.jobs}>
            Jobs
          </NavLink>
          <NavLink to={to.connections} current={path.startsWith("/settings")}>
            Settings
          </NavLink>
        </nav>
        <div style={{ flex: 1 }} />
        <RunningJobs />
        <Button
          className="wide-only"
          variant="default"
          size="xs"
          leftSection={<Search size={16} />}
          rightSection={<kbd className="dim small">{isMac ? "⌘ K" : "Ctrl K"}</kbd>}
          onClick={() => setSearching(true)}
        >
          Go to…
        </Button>
        {signedIn && <Bell />}
        <ThemeSwitch />
        <UserMenu onSearch={() => setSearching(true)} onKeys={() => setKeys(true)} />
      </header>
      <Lost />
      <main id="content" className="shell-main" tabIndex={-1}>
        {me.data ? (
          <ErrorBoundary at={path}>{children}</ErrorBoundary>
        ) : (
          <div className="page">
            <Async query={me}>{() => null}</Async>
          </div>
        )}
      </main>
      {ended && me.data && <SessionEnded email={me.data.email} />}
      {searching && <CommandMenu onClose={() => setSearching(false)} />}
      <KeysHelp opened={keys} onClose={() => setKeys(false)} isMac={isMac} />
    </div>
  );
}

/** The search of this page; where it is a button, what the button opens. */
function search() {
  const found = document.querySelector<HTMLElement>("[data-search]");
  found?.focus();
  if (found instanceof HTMLButtonElement) found.click();
}

function Lost() {
  const lost = useLost();
  return (
    <div role="status" className={lost ? "shell-lost" : undefined}>
      {lost && (
        <>
          <Loader size={14} color="var(--warning)" aria-hidden />
          <span>
            <strong>Mycorr does not answer.</strong> It is asked again until it does. Nothing has to be loaded
            again, and imports that it broke off begin again by themselves.
          </span>
        </>
      )}
    </div>
  );
}

function NavLink({ to, current, children }: { to: string; current: boolean; children: ReactNode }) {
  return (
    <Link className="nav-link" to={to} aria-current={current ? "page" : undefined}>
      {children}
    </Link>
  );
}

/** What runs, from wherever one is. */
function RunningJobs() {
  const running = useFollowed().length;
  const ended = useLastEnded();
  return (
    <>
      <div className="visually-hidden" role="status">
        {ended && `Job on ${ended.table_name}: ${ended.state}`}
      </div>
      {running > 0 && (
        <Link className="nav-link" to={to.jobs} aria-label={`${plural(running, "job")} running`}>
          <Loader size={14} aria-hidden />
          <span>
            {running} <span className="wide-only">{running === 1 ? "job" : "jobs"} running</span>
          </span>
        </Link>
      )}
    </>
  );
}

const SCHEMES = {
  auto: { label: "As the system", icon: Monitor },
  light: { label: "Light", icon: Sun },
  dark: { label: "Dark", icon: Moon },
} as const;

function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Current = SCHEMES[colorScheme].icon;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label="Theme">
          <ActionIcon
            variant="subtle"
            color="gray"
            size={32}
            aria-label={`Theme: ${SCHEMES[colorScheme].label}`}
          >
            <Current size={18} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.RadioGroup
          value={colorScheme}
          onChange={(scheme) => setColorScheme(scheme as keyof typeof SCHEMES)}
        >
          {Object.entries(SCHEMES).map(([scheme, { label }]) => (
            <Menu.RadioItem key={scheme} value={scheme} closeMenuOnClick>
              {label}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu({ onSearch, onKeys }: { onSearch: () => void; onKeys: () => void }) {
  const { data: me } = useMe();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label={me?.name ?? "Account"}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label="Account">
            <CircleUser size={18} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {me && (
          <Menu.Label>
            <strong>{me.name}</strong>
            {me.admin && ", administrator"}
            <br />
            {me.email}
          </Menu.Label>
        )}
        <Menu.Item component={Link} to={to.account}>
          Your account
        </Menu.Item>
        <Menu.Item onClick={onSearch}>Go to…</Menu.Item>
        <Menu.Item onClick={onKeys}>Keyboard</Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<LogOut size={16} />}
          onClick={() => void signOut().catch(() => queryClient.invalidateQueries())}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Settings({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  const me = useMe();
  return (
    <div className="settings">
      <nav aria-label="Settings">
        <NavLink to={to.connections} current={path.startsWith(to.connections)}>
          <PlugZap size={16} aria-hidden />
          Connections
        </NavLink>
        <NavLink to={to.tokens} current={path === to.tokens}>
          <KeyRound size={16} aria-hidden />
          API tokens
        </NavLink>
        <NavLink to={to.api} current={path === to.api}>
          <Braces size={16} aria-hidden />
          HTTP API
        </NavLink>
        <NavLink to={to.account} current={path === to.account}>
          <CircleUser size={16} aria-hidden />
          Account
        </NavLink>
        <NavLink to={to.teams} current={path.startsWith(to.teams)}>
          <Users size={16} aria-hidden />
          Teams
        </NavLink>
        <NavLink to={to.invitations} current={path === to.invitations}>
          <MailPlus size={16} aria-hidden />
          Invitations
        </NavLink>
        {me.data?.admin && (
          <>
            <NavLink to={to.people} current={path === to.people}>
              <UserCog size={16} aria-hidden />
              People
            </NavLink>
            <NavLink to={to.audit()} current={path === to.audit()}>
              <ScrollText size={16} aria-hidden />
              Audit
            </NavLink>
          </>
        )}
      </nav>
      <div className="page">{children}</div>
    </div>
  );
}
