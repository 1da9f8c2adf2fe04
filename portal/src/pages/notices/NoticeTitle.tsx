import { CircleAlert, CircleCheck, FlaskConical, Layers } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { NoticeKind } from "@/api/generated/schema";
import styles from "./NoticeTitle.module.css";

interface NoticeTitleProps {
  notice: { kind: NoticeKind; itemCount: number; items: readonly { title: string; isRecovery: boolean }[] };
}

/** What a notice is about, in one line. */
export function NoticeTitle({ notice }: NoticeTitleProps) {
  const { t } = useTranslation("notices");
  const [first] = notice.items;
  const Icon = notice.kind === "TEST" ? FlaskConical : notice.kind === "DIGEST" ? Layers : first?.isRecovery ? CircleCheck : CircleAlert;
  return (
    <span className={styles.title}>
      <Icon size={16} aria-hidden />
      <span>
        {notice.kind === "TEST"
          ? t("test")
          : notice.kind === "DIGEST"
            ? t("digest", { count: notice.itemCount, first: first?.title ?? "" })
            : first?.title}
      </span>
    </span>
  );
}
