import { expect, test } from "vitest";
import { inElements } from "../../scripts/elementStyles";

test("variables of the page around count before the element's own", () => {
  expect(inElements(":host{--trestle-accent:#123}.a{color:var(--trestle-accent)}")).toBe(
    ":host{--trestle-outer-accent:var(--trestle-accent)}" +
      ".frame,.overlays{--trestle-accent:var(--trestle-outer-accent,var(--trestle-own-accent))}" +
      ":host{--trestle-own-accent:#123}.a{color:var(--trestle-accent)}",
  );
});

test("the theme is an attribute", () => {
  expect(inElements(":host([data-theme=dark]){color-scheme:dark}")).toBe(":host([theme=dark]){color-scheme:dark}");
});

test("narrow is what the element is; what readers prefer stays theirs", () => {
  expect(inElements("@media (max-width: 640px) {.a{gap:0}}")).toBe("@container (max-width: 640px){.a{gap:0}}");
  expect(inElements("@media (width<=640px){.a{gap:0}}")).toBe("@container (width<=640px){.a{gap:0}}");
  expect(inElements("@media (min-width:640px) and (max-width:900px){.a{gap:0}}")).toBe(
    "@container (min-width:640px) and (max-width:900px){.a{gap:0}}",
  );
  const preferred = "@media (prefers-reduced-motion:reduce){.a{transition:none}}";
  expect(inElements(preferred)).toBe(preferred);
});
