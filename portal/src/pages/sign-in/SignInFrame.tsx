import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import icon from "@/app/icon.svg";
import { chooseLanguage, language, languages } from "@/i18n";
import { Button, Page } from "@/ui";
import styles from "./SignInFrame.module.css";

/** What is around the pages of who has not signed in. */
export function SignInFrame({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  const { t } = useTranslation("common");
  return (
    <div className={styles.frame}>
      <main className={styles.box}>
        <img src={icon} alt="Trestle" width={40} height={40} />
        <Page title={title} description={lead} width="narrow">
          {children}
        </Page>
      </main>
      <footer className={styles.foot}>
        {languages.map((each) => (
          <Button
            key={each}
            kind="quiet"
            size="small"
            isDisabled={language() === each}
            onPress={() => void chooseLanguage(each)}
          >
            {t(`shell.language.${each}`)}
          </Button>
        ))}
      </footer>
    </div>
  );
}
