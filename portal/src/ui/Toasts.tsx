import { lazy, Suspense, useEffect, useState } from "react";
import { onToast } from "./toast";

const ToastList = lazy(() => import("./ToastList"));

/** Where messages appear; once, in the shell. */
export function Toasts() {
  const [isWanted, setIsWanted] = useState(false);
  useEffect(() => onToast(() => setIsWanted(true)), []);
  return isWanted && <Suspense><ToastList /></Suspense>;
}
