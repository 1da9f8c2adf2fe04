import { Link } from "@/ui";
import styles from "./Forms.module.css";

const pieces = /(`[^`]+`|\[[^\]]+\]\(https?:[^)]+\))/;

/** A description of a schema: one paragraph, with `code` and links as in Markdown. */
export function Prose({ text }: { text: string }) {
  return text.split(pieces).map((piece, index) => {
    if (index % 2 === 0) return piece;
    if (piece.startsWith("`")) return <code key={index} className={styles.code}>{piece.slice(1, -1)}</code>;
    const [, words = "", href = ""] = /^\[(.+)\]\((.+)\)$/.exec(piece) ?? [];
    return (
      <Link key={index} href={href}>
        {words}
      </Link>
    );
  });
}
