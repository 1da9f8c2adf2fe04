import { Link } from "react-router";
import icon from "../icon.svg";
import styles from "./Brand.module.css";

export function Brand() {
  return (
    <Link to="/" className={styles.brand}>
      <img src={icon} alt="" width={24} height={24} />
      Trestle
    </Link>
  );
}
