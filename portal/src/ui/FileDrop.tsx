import type { ReactNode } from "react";
import { DropZone } from "react-aria-components/DropZone";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { Text } from "react-aria-components/Text";
import { Button } from "./Button";
import styles from "./FileDrop.module.css";

export interface FileDropProps {
  /** What is to be dropped, read aloud. */
  label: string;
  /** The words of the button that opens the browser's choice. */
  action: string;
  allowsMultiple?: boolean;
  isDisabled?: boolean;
  onFiles: (files: File[]) => void;
  children: ReactNode;
}

/** A place for files: dropped, pasted, or chosen by a button. */
export function FileDrop({ label, action, allowsMultiple = false, isDisabled = false, onFiles, children }: FileDropProps) {
  return (
    <DropZone
      className={styles.zone ?? ""}
      aria-label={label}
      isDisabled={isDisabled}
      onDrop={({ items }) => {
        const files = items.filter((item) => item.kind === "file");
        void Promise.all(files.map((item) => item.getFile())).then(onFiles);
      }}
    >
      <Text slot="label" className={styles.words}>
        {children}
      </Text>
      <FileTrigger allowsMultiple={allowsMultiple} onSelect={(files) => files && onFiles([...files])}>
        <Button isDisabled={isDisabled}>{action}</Button>
      </FileTrigger>
    </DropZone>
  );
}
