import { CircleAlert, CircleCheck, Info, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components/Button";
import { Text } from "react-aria-components/Text";
import {
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from "react-aria-components/Toast";
import styles from "./Toast.module.css";

interface Message {
  text: string;
  tone: "success" | "danger" | "info";
}

const queue = new ToastQueue<Message>({ maxVisibleToasts: 3 });
const icons = { success: CircleCheck, danger: CircleAlert, info: Info };

const SHOWN_MS = 6_000;

/** Says briefly what came of something; what one must read stands on the page. */
export function toast(text: string, tone: Message["tone"] = "success"): void {
  queue.add({ text, tone }, { timeout: SHOWN_MS });
}

/** Where the toasts appear; once, in the shell. */
export function Toasts() {
  const { t } = useTranslation("common");
  return (
    <ToastRegion queue={queue} aria-label={t("messages")} className={styles.region ?? ""}>
      {({ toast: shown }) => {
        const Icon = icons[shown.content.tone];
        return (
          <AriaToast toast={shown} className={styles.toast ?? ""} data-tone={shown.content.tone}>
            <Icon size={18} aria-hidden />
            <ToastContent className={styles.words ?? ""}>
              <Text slot="title">{shown.content.text}</Text>
            </ToastContent>
            <Button slot="close" aria-label={t("close")} className={styles.close ?? ""}>
              <X size={16} aria-hidden />
            </Button>
          </AriaToast>
        );
      }}
    </ToastRegion>
  );
}
