import { useTokenOfAddress } from "@/app/session/useTokenOfAddress";
import { NewPassword } from "./NewPassword";
import { RequestReset } from "./RequestReset";

/** A lost password: ask for a link, or follow it. */
export default function ResetPassword() {
  const token = useTokenOfAddress();
  return token === null ? <RequestReset /> : <NewPassword token={token} />;
}
