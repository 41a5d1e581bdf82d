import { ActionIcon, Burger, Button, Group, Kbd, Menu, NavLink, Text, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDeviceDesktop, IconKeyboard, IconLogout, IconMoon, IconSearch, IconSun, IconUserCircle } from "@tabler/icons-react";
import { Suspense, useEffect, useRef, useSyncExternalStore } from "react";
import { Link, Navigate, Outlet, useLocation, useNavigation } from "react-router";

import { drawing } from "../components/dialogs.ts";
import { onDemand } from "../components/onDemand.tsx";
import { notifyProblem } from "../components/problem.ts";
import { to } from "../paths.ts";
import { t } from "../text/common.ts";
import { sessionText } from "../text/session.ts";
import { LostBanner } from "./LostBanner.tsx";
import { administration, own, type Place, searchText } from "./navigation.ts";
import { openPalette, Palette } from "./Palette.tsx";
import { openShortcuts, Shortcuts } from "./Shortcuts.tsx";
import { signOut, useAdministers, useSession } from "./session.ts";
import { useFocusKept } from "./useFocusKept.ts";

const Dialogs = onDemand(() => import("./Dialogs.tsx").then(({ Dialogs }) => Dialogs));

/** The frame of every page. */
export function Shell() {
  const { pathname } = useLocation();
  const loading = useNavigation().state !== "idle";
  const [open, { toggle, close }] = useDisclosure(false);
  const dialogs = useSyncExternalStore(drawing.subscribe, drawing.isWanted);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useFocusKept(main);
  useEffect(() => {
    close();
    // Whoever reads by ear is told of the new page; whoever uses the keyboard goes on in it.
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [pathname, close]);

  const administers = useAdministers();
  if (!administers && !pathname.startsWith(to.me())) {
    return <Navigate to={to.me()} replace />;
  }
  return (
    <div className="shell">
      <a href="#content" className="skip">
        {t.skip}
      </a>
      <header className="shell-header">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger
              opened={open}
              onClick={toggle}
              hiddenFrom="md"
              size="sm"
              aria-label={t.navigation.open}
              aria-expanded={open}
            />
            <img src="/favicon.svg" alt="" width={26} height={26} />
            <Text fw={700} visibleFrom="xs">
              {t.product}
            </Text>
          </Group>
          <Button
            variant="default"
            color="gray"
            size="sm"
            fw={400}
            leftSection={<IconSearch size={16} />}
            rightSection={<Kbd size="xs">{t.shortcuts.paletteKeys}</Kbd>}
            onClick={openPalette}
            visibleFrom="sm"
            w={320}
            styles={{ label: { flex: 1 } }}
          >
            {searchText(administers)}
          </Button>
          <Group gap="xs" wrap="nowrap">
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              hiddenFrom="sm"
              aria-label={searchText(administers)}
              onClick={openPalette}
            >
              <IconSearch size={20} />
            </ActionIcon>
            <Colors />
            <OwnMenu />
          </Group>
        </Group>
      </header>
      <nav className="shell-nav" aria-label={t.navigation.label} data-open={open || undefined}>
        {administers && <Places label={t.navigation.admin} places={administration} at={pathname} />}
        <Places label={t.navigation.own} places={own} at={pathname} />
      </nav>
      <main className="shell-main" id="content" ref={main} tabIndex={-1} aria-busy={loading}>
        <LostBanner />
        <Outlet />
      </main>
      {/* Within the router: dialogs have links. */}
      {dialogs && (
        <Suspense fallback={null}>
          <Dialogs />
        </Suspense>
      )}
      <Palette />
      <Shortcuts />
    </div>
  );
}

function Places({ label, places, at }: { label: string; places: readonly Place[]; at: string }) {
  // The longest that the page lies below: `/audit/verify` is not `/audit`.
  const here = places
    .filter(({ to }) => at === to || (to !== "/" && at.startsWith(`${to}/`)))
    .sort((a, b) => b.to.length - a.to.length)[0];
  return (
    <>
      <Text size="xs" c="dimmed" fw={600} px="sm" mt="sm" mb={4}>
        {label}
      </Text>
      {places.map((place) => (
        <NavLink
          key={place.to}
          component={Link}
          to={place.to}
          label={place.label}
          leftSection={<place.icon size={18} stroke={1.6} aria-hidden />}
          active={place === here}
          aria-current={place === here ? "page" : undefined}
          variant="light"
          style={{ borderRadius: "var(--mantine-radius-md)" }}
        />
      ))}
    </>
  );
}

function Colors() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const choices = [
    { value: "light", label: t.colors.light, icon: IconSun },
    { value: "dark", label: t.colors.dark, icon: IconMoon },
    { value: "auto", label: t.colors.auto, icon: IconDeviceDesktop },
  ] as const;
  const Icon = choices.find(({ value }) => value === colorScheme)?.icon ?? IconDeviceDesktop;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t.colors.label}>
          <Icon size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {choices.map(({ value, label, icon: Icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={16} />}
            onClick={() => setColorScheme(value)}
            aria-current={value === colorScheme}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function OwnMenu() {
  const { user } = useSession();
  const name = user?.display_name ?? user?.username ?? "";
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={sessionText.signedInAs(name)}>
          <IconUserCircle size={22} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name} · {sessionText.roles[user?.role ?? "user"]}
        </Menu.Label>
        {own.map((place) => (
          <Menu.Item
            key={place.to}
            component={Link}
            to={place.to}
            leftSection={<place.icon size={16} />}
          >
            {place.label}
          </Menu.Item>
        ))}
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={openShortcuts}>
          {t.shortcuts.menu}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={16} />}
          onClick={() => void signOut().catch(notifyProblem)}
        >
          {sessionText.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
