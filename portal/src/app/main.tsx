import "@/ui/tokens.css";
import "@/ui/reset.css";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { startTexts } from "@/i18n";
import { App } from "./App";
import { applyTheme, themeOf } from "./theme";

const EmbeddedApp = lazy(() => import("@/pages/embed/EmbeddedApp"));

// A frame of somebody else's page looks and speaks as that one says; what the browser keeps for the portal is not asked.
const isEmbedded = /^\/embed(\/|$)/.test(window.location.pathname);
const wishes = new URLSearchParams(window.location.search);
applyTheme(isEmbedded ? themeOf(wishes.get("theme")) : undefined);
await startTexts(isEmbedded ? wishes.get("language") : undefined);

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(<StrictMode>{isEmbedded ? <Suspense><EmbeddedApp /></Suspense> : <App />}</StrictMode>);
