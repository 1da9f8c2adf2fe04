import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./IconButton";

const SHOWN_MS = 2_000;

/** Puts a text into the clipboard, and says that it is there. */
export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation("common");
  const [isDone, setIsDone] = useState(false);
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(() => setIsDone(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isDone]);
  return (
    <>
      <IconButton
        label={isDone ? t("copied") : (label ?? t("copy"))}
        size="small"
        onPress={() => void copy(text).then(() => setIsDone(true))}
      >
        {isDone ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      </IconButton>
      <span role="status" className="visually-hidden">
        {isDone && t("copied")}
      </span>
    </>
  );
}

/** Pages without TLS have no clipboard of the newer kind. */
async function copy(text: string): Promise<void> {
  const clipboard = (navigator as { clipboard?: Clipboard }).clipboard;
  if (clipboard) return clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way there
  document.execCommand("copy");
  area.remove();
}
