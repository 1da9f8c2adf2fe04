import { Search, X } from "lucide-react";
import { useEffect, useEffectEvent, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Group } from "react-aria-components/Group";
import { Input } from "react-aria-components/Input";
import { SearchField as AriaSearchField } from "react-aria-components/SearchField";
import styles from "./Field.module.css";

export interface SearchFieldProps {
  label: string;
  value: string;
  /** Told once typing pauses. */
  onChange: (value: string) => void;
  placeholder?: string;
}

const PAUSE_MS = 250;

/** Words to look for. */
export function SearchField({ label, value, onChange, placeholder }: SearchFieldProps) {
  const [text, setText] = useState(value);
  const [told, setTold] = useState(value);
  if (told !== value) {
    setTold(value);
    setText(value);
  }
  const tell = useEffectEvent(onChange);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => {
      setTold(text);
      tell(text);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <AriaSearchField aria-label={label} className={styles.field ?? ""} value={text} onChange={setText} onSubmit={onChange}>
      {({ isEmpty }) => (
        <Group className={styles.group ?? ""}>
          <Search size={16} aria-hidden />
          <Input className={styles.input ?? ""} placeholder={placeholder ?? label} />
          {!isEmpty && (
            <Button className={styles.adjunct ?? ""}>
              <X size={14} aria-hidden />
            </Button>
          )}
        </Group>
      )}
    </AriaSearchField>
  );
}
