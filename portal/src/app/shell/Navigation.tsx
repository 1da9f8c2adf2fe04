import { useId } from "react";
import { useTranslation } from "react-i18next";
import { NavLink } from "react-router";
import { navigationOf } from "../navigation";
import { useViewer } from "../session/viewer";
import styles from "./Navigation.module.css";

/** The pages that the viewer may go to. */
export function Navigation({ onFollow }: { onFollow?: () => void }) {
  const { t } = useTranslation("common");
  const groups = navigationOf(useViewer());
  const id = useId();
  return (
    <nav aria-label={t("shell.navigation")} className={styles.navigation}>
      {groups.map((group) => (
        <div key={group.name}>
          <h2 id={`${id}-${group.name}`} className={styles.group}>
            {t(`navigation.${group.name}`)}
          </h2>
          <ul aria-labelledby={`${id}-${group.name}`} className={styles.list}>
            {group.entries.map(({ name, to, icon: Icon }) => (
              <li key={to}>
                <NavLink to={to} end={to === "/"} className={styles.link} onClick={onFollow}>
                  <Icon size={17} aria-hidden />
                  {t(`navigation.${name}`)}
                </NavLink>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
