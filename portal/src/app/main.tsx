import "@/ui/tokens.css";
import "@/ui/reset.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startTexts } from "@/i18n";
import { App } from "./App";
import { applyTheme } from "./theme";

applyTheme();
await startTexts();

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
