import { type CSSVariablesResolver, createTheme, defaultVariantColorsResolver, Tooltip } from "@mantine/core";

// Indigo 6 on white has a contrast of 4.3, indigo 7 of 5.0: text and filled buttons need 4.5 (WCAG 1.4.3).
export const theme = createTheme({
  primaryColor: "indigo",
  primaryShade: { light: 7, dark: 4 },
  // White on indigo 4 would be too faint.
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    return input.variant === "filled" && (input.color ?? "indigo") === "indigo"
      ? { ...colors, color: "var(--on-accent)" }
      : colors;
  },
  colors: {
    dark: [
      "#d5d6d9",
      "#b4b6ba",
      "#9a9ca2",
      "#7b7e86",
      "#373a40",
      "#2c2e33",
      "#25262b",
      "#1a1b1e",
      "#141517",
      "#101113",
    ],
  },
  defaultRadius: 6,
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Noto Sans Mono', monospace",
  fontSizes: { xs: "12px", sm: "14px", md: "14px" },
  lineHeights: { sm: "1.5", md: "1.5" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "20px", lineHeight: "28px" },
      h2: { fontSize: "16px", lineHeight: "24px" },
      h3: { fontSize: "14px", lineHeight: "20px" },
    },
  },
  shadows: { xs: "none", sm: "var(--float)", md: "var(--float)" },
  respectReducedMotion: true,
  components: {
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: true } },
    }),
    Menu: {
      // Focus goes to the first item, as the ARIA pattern has it, not to a placeholder.
      defaultProps: {
        withInitialFocusPlaceholder: false,
        transitionProps: { duration: 120, transition: "fade" },
        shadow: "sm",
      },
    },
    Popover: { defaultProps: { transitionProps: { duration: 120, transition: "fade" }, shadow: "sm" } },
  },
});

/** Mantine's own greys for help texts, placeholders and borders are too faint for WCAG AA. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-placeholder": "#6a7178",
    "--mantine-color-error": "var(--mantine-color-red-8)",
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-placeholder": "var(--mantine-color-dark-2)",
    "--mantine-primary-color-contrast": "var(--mantine-color-dark-9)",
    "--mantine-color-body": "var(--mantine-color-dark-7)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
  },
});
