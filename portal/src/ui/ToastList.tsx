import { CircleAlert, CircleCheck, Info, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components/Button";
import { Text } from "react-aria-components/Text";
import {
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastRegion as ToastRegion,
} from "react-aria-components/Toast";
import styles from "./ToastList.module.css";
import { queue } from "./toastQueue";

const icons = { success: CircleCheck, danger: CircleAlert, info: Info };

/** The messages of this moment. */
export default function ToastList() {
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
