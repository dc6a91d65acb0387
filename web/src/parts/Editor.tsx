import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { sqlClasses } from "./sql";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

const theme = EditorView.theme({
  "&": { fontSize: "13px", minHeight: "128px", maxHeight: "46vh", backgroundColor: "transparent" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { padding: "10px 0", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", border: "0", color: "var(--ink-3)", paddingLeft: "6px" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--sunken) 55%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--running-soft)" },
  ".cm-placeholder": { color: "var(--ink-3)" },
  ".cm-tooltip": { border: "1px solid var(--line)", borderRadius: "6px", backgroundColor: "var(--surface)", color: "var(--ink)", boxShadow: "var(--shadow)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--ink-3)" },
  ".cm-matchingBracket": { backgroundColor: "var(--hay-soft)" },
});

/** `{"gold.trending": ["rank"]}` as the completion takes it: schemas of tables of columns. */
function schemaOf(tables: Record<string, string[]>): Record<string, Record<string, string[]>> {
  const out: Record<string, Record<string, string[]>> = {};
  for (const [name, columns] of Object.entries(tables)) {
    const dot = name.indexOf(".");
    (out[name.slice(0, dot)] ??= {})[name.slice(dot + 1)] = columns;
  }
  return out;
}

export function Editor({ text, onChange, onRun, tables }: { text: string; onChange: (text: string) => void; onRun: () => void; tables: Record<string, string[]> }) {
  const room = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const language = useRef(new Compartment());
  const call = useRef({ onChange, onRun });
  call.current = { onChange, onRun };
  useEffect(() => {
    if (!room.current) return;
    const editor = new EditorView({
      parent: room.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          keymap.of([{ key: "Mod-Enter", run: () => (call.current.onRun(), true) }]),
          lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), autocompletion(), highlightActiveLine(),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
          language.current.of(sql({ dialect: PostgreSQL })),
          syntaxHighlighting(sqlClasses),
          placeholder("SELECT … FROM gold.…"),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "SQL to run. Escape and then Tab leaves the editor." }),
          EditorView.updateListener.of((update) => update.docChanged && call.current.onChange(update.state.doc.toString())),
          theme,
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The text from outside is taken by the effect below.
  }, []);
  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== text) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);
  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(sql({ dialect: PostgreSQL, schema: schemaOf(tables), upperCaseKeywords: true })) });
  }, [tables]);
  return <div ref={room} className="editor" />;
}
