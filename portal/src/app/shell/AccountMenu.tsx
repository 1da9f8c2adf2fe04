import { Check, ChevronsUpDown, LogOut, Settings } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components/Button";
import { useClient } from "urql";
import { graphql } from "@/api";
import { chooseLanguage, language, languages } from "@/i18n";
import { Menu } from "@/ui";
import { useSession } from "../session/SessionProvider";
import { useViewer } from "../session/viewer";
import { chooseTheme, themes, useTheme } from "../theme";
import styles from "./AccountMenu.module.css";

const SIGN_OUT = graphql(`
  mutation SignOut {
    signOut {
      userErrors {
        message
      }
    }
  }
`);

/** Who is signed in; theme, language, sign out. */
export function AccountMenu() {
  const { t } = useTranslation("common");
  const client = useClient();
  const session = useSession();
  const viewer = useViewer();
  const theme = useTheme();
  const name = viewer.user?.name ?? t(`role.${viewer.role}`);
  const signOut = async () => {
    await client.mutation(SIGN_OUT, {}).toPromise();
    session.end();
  };
  const tick = (isChosen: boolean) => (isChosen ? <Check size={16} aria-hidden /> : <span className={styles.room} />);
  return (
    <Menu
      label={t("shell.account")}
      trigger={
        <Button className={styles.account ?? ""}>
          <span className="visually-hidden">{t("shell.account")}: </span>
          <span className={styles.initial} aria-hidden>
            {name.slice(0, 1).toUpperCase()}
          </span>
          <span className={styles.who}>
            <span className={styles.name}>{name}</span>
            <span className={styles.role}>{viewer.tenant?.name ?? t(`role.${viewer.role}`)}</span>
          </span>
          <ChevronsUpDown size={14} aria-hidden />
        </Button>
      }
      entries={[
        ...(viewer.user
          ? [{ id: "settings", label: t("shell.settings"), note: viewer.user.email, to: "/settings", icon: <Settings size={16} aria-hidden /> }]
          : []),
        "separator",
        ...themes.map((each) => ({
          id: `theme-${each}`,
          label: t(`shell.theme.${each}`),
          icon: tick(theme === each),
          onAction: () => chooseTheme(each),
        })),
        "separator",
        ...languages.map((each) => ({
          id: `language-${each}`,
          label: t(`shell.language.${each}`),
          icon: tick(language() === each),
          onAction: () => void chooseLanguage(each),
        })),
        "separator",
        { id: "sign-out", label: t("shell.signOut"), icon: <LogOut size={16} aria-hidden />, onAction: () => void signOut() },
      ]}
    />
  );
}
