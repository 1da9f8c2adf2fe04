import { autocompletion, type Completion, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useEffectEvent, useRef } from "react";
import styles from "./CodeEditor.module.css";
import { LOW, TALL } from "./editorHeight";
import type { MappingProblem } from "./problems";
import { vrl } from "./vrl";

export interface CodeEditorProps {
  /** Read aloud. */
  label: string;
  /** What is in it at first; give it another `key` to begin anew. */
  value: string;
  onChange: (value: string) => void;
  language: "vrl" | "json";
  isReadOnly?: boolean;
  /** For some lines, beside a larger one. */
  isLow?: boolean;
  /** Shown in place: underlined, and beside the line. */
  problems?: readonly MappingProblem[];
  /** Fields that may be written behind a dot. */
  fields?: readonly Completion[];
}

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--trestle-muted)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--trestle-success)" },
  { tag: [tags.number, tags.atom, tags.bool, tags.null], color: "var(--trestle-warning)" },
  { tag: tags.keyword, color: "var(--trestle-danger)", fontWeight: "600" },
  { tag: tags.propertyName, color: "var(--trestle-info)" },
  { tag: tags.function(tags.variableName), color: "var(--trestle-accent)" },
]);

const look = EditorView.theme({
  "&": { color: "var(--trestle-text)", backgroundColor: "var(--trestle-surface)", fontSize: "13px" },
  "&.cm-focused": { outline: "2px solid var(--trestle-focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--trestle-font-code)", lineHeight: "1.6", maxHeight: "60vh", overflow: "auto" },
  ".cm-content": { caretColor: "var(--trestle-text)" },
  ".cm-cursor": { borderLeftColor: "var(--trestle-text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--trestle-accent-soft)" },
  ".cm-gutters": { backgroundColor: "var(--trestle-sunken)", color: "var(--trestle-muted)", border: "none" },
  ".cm-activeLine": { backgroundColor: "transparent", boxShadow: "inset 0 0 0 100px rgb(127 127 127 / 6%)" },
  ".cm-tooltip": {
    border: "1px solid var(--trestle-border)",
    backgroundColor: "var(--trestle-surface)",
    color: "var(--trestle-text)",
    fontFamily: "var(--trestle-font)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--trestle-accent-fill)", color: "var(--trestle-on-accent)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--trestle-danger)" },
});

const BORDER = 1;
const tall = EditorView.theme({ ".cm-content, .cm-gutter": { minHeight: `${TALL - 2 * BORDER}px` } });
const low = EditorView.theme({ ".cm-content, .cm-gutter": { minHeight: `${LOW - 2 * BORDER}px` } });

/**
 * A light editor for programs and schemas. It lives in a shadow root, where its style sheets are adopted ones: the content
 * security policy forbids the style elements that it would make elsewhere.
 */
export default function CodeEditor({ label, value, onChange, language, isReadOnly = false, isLow = false, problems = [], fields = [] }: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const completions = useRef(fields);
  const setup = useRef({ value, language, label, isLow, access: new Compartment() });
  const changed = useEffectEvent(onChange);

  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const { value: doc, language: spoken, label: name, isLow: isSmall, access } = setup.current;
    const complete = (context: CompletionContext) => {
      const word = context.matchBefore(/\.[\w@]*/);
      return word && { from: word.from + 1, options: [...completions.current], validFor: /^[\w@]*$/ };
    };
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          lintGutter(),
          EditorView.lineWrapping,
          // Tab leaves the editor, as everywhere: who can't use a mouse must get out of it.
          keymap.of([
            ...defaultKeymap,
            ...historyKeymap,
            ...lintKeymap,
            { key: "Mod-]", run: indentMore },
            { key: "Mod-[", run: indentLess },
          ]),
          spoken === "vrl" ? [vrl, autocompletion({ override: [complete] })] : json(),
          syntaxHighlighting(colours),
          look,
          isSmall ? low : tall,
          access.of([]),
          EditorView.contentAttributes.of({ "aria-label": name, spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    completions.current = fields;
  }, [fields]);

  useEffect(() => {
    view.current?.dispatch({
      effects: setup.current.access.reconfigure([EditorState.readOnly.of(isReadOnly), EditorView.editable.of(!isReadOnly)]),
    });
  }, [isReadOnly]);

  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, problems.map((problem) => diagnosticOf(editor.state, problem))));
  }, [problems]);

  return <div ref={host} className={styles.editor} />;
}

/** The word at the place; the line where there is none. */
function diagnosticOf(state: EditorState, { line, column, message }: MappingProblem): Diagnostic {
  const at = state.doc.line(Math.min(Math.max(line ?? 1, 1), state.doc.lines));
  // Columns are characters as people count them; positions are UTF-16.
  const from = Math.min(at.to, at.from + Array.from(at.text).slice(0, (column ?? 1) - 1).join("").length);
  const word = state.wordAt(from);
  return { from, to: line === null ? at.to : (word?.to ?? Math.min(at.to, from + 1)), severity: "error", message };
}
