import { Square, SquareCheck } from "lucide-react";
import { isValidElement, type ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { Code } from "./Code";
import { Link } from "./Link";
import type { MarkdownProps } from "./Markdown";
import styles from "./MarkdownText.module.css";

const LOWEST_HEADING = 6;

const components: Components = {
  a: ({ href = "", children }) => (isOfPortal(href) ? <Link to={href}>{children}</Link> : <Link href={href}>{children}</Link>),
  code: ({ children }) => <Code>{textOf(children)}</Code>,
  pre: ({ children }) => <Code isBlock>{textOf(children).replace(/\n$/, "")}</Code>,
  img: ({ src, alt }) => (typeof src === "string" ? <Link href={src}>{alt || src}</Link> : null),
  input: ({ checked }) => (checked ? <SquareCheck size={16} aria-label="☑" /> : <Square size={16} aria-label="☐" />),
  table: ({ children }) => (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- whatever scrolls must be reachable by keys
    <div className={styles.scroll} tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
};

/** The text of `Markdown`. */
export default function MarkdownText({ children, level = 3 }: MarkdownProps) {
  return (
    <div className={styles.text}>
      <ReactMarkdown remarkPlugins={[remarkGfm, [headingsFrom, level]]} components={components}>
        {children}
      </ReactMarkdown>
    </div>
  );
}

interface MarkdownNode {
  type: string;
  depth?: number;
  children?: MarkdownNode[];
}

/** The highest heading of a text, whichever it is, stands right below the page's own. */
function headingsFrom(level: number) {
  return (root: MarkdownNode) => {
    const headings = (root.children ?? []).filter(({ type }) => type === "heading");
    const highest = Math.min(...headings.map(({ depth = 1 }) => depth));
    for (const heading of headings) heading.depth = Math.min(LOWEST_HEADING, (heading.depth ?? 1) - highest + level);
  };
}

function isOfPortal(href: string): boolean {
  return href.startsWith("/") && !href.startsWith("//");
}

function textOf(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (Array.isArray(node)) return (node as ReactNode[]).map(textOf).join("");
  return isValidElement<{ children?: ReactNode }>(node) ? textOf(node.props.children) : "";
}
