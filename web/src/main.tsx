import { MantineProvider } from "@mantine/core";
import "./styles";
import "./app.css";
import "./ui/ui.css";
import "./pages/settings.css";
import "./pages/model.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/client";
import { Pages } from "./routes";
import { cssVariables, theme } from "./theme";
import { ErrorBoundary } from "./ui/ErrorBoundary";

/** The nonce that the server put into index.html. Browsers hide the attribute; the property still tells it. */
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce;

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        defaultColorScheme="auto"
        getStyleNonce={nonce ? () => nonce : undefined}
      >
        <QueryClientProvider client={queryClient}>
          <ErrorBoundary>
            <Pages />
          </ErrorBoundary>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
