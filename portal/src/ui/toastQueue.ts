import { UNSTABLE_ToastQueue as ToastQueue } from "react-aria-components/Toast";
import type { Message } from "./toast";

export const queue = new ToastQueue<Message>({ maxVisibleToasts: 3 });
