import { PostgreSQL } from "@codemirror/lang-sql";
import { highlightTree, tagHighlighter, tags as t } from "@lezer/highlight";
import { useMemo } from "react";

/** Classes of what SQL is made of; theme and editor share them. */
export const sqlClasses = tagHighlighter([
  { tag: t.keyword, class: "q-keyword" },
  { tag: [t.string, t.special(t.string)], class: "q-string" },
  { tag: [t.number, t.bool, t.null], class: "q-number" },
  { tag: t.comment, class: "q-comment" },
  { tag: [t.typeName, t.standard(t.name)], class: "q-type" },
  { tag: [t.operator, t.punctuation, t.paren], class: "q-mark" },
]);

/** SQL to be read, coloured by the editor's own grammar. */
export function Sql({ text }: { text: string }) {
  const lines = useMemo(() => {
    const parts: React.ReactNode[] = [];
    let done = 0;
    highlightTree(PostgreSQL.language.parser.parse(text), sqlClasses, (from, to, classes) => {
      if (from > done) parts.push(text.slice(done, from));
      parts.push(<span key={from} className={classes}>{text.slice(from, to)}</span>);
      done = to;
    });
    parts.push(text.slice(done));
    return parts;
  }, [text]);
  return (
    <pre className="sql" tabIndex={0} aria-label="SQL">
      {lines}
    </pre>
  );
}
