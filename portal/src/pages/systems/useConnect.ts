import { useMutationForm } from "@/api";
import { CREATE_CONNECT_LINK } from "./systemMutations";

const EXPIRES_IN_MINUTES = 60;

/** Goes to where access to a system is given, and from there back to `path`, which then has `outcome`. */
export function useConnect(systemId: string, path: string) {
  const form = useMutationForm(CREATE_CONNECT_LINK, {
    payload: (data) => data.createConnectLink,
    onDone: ({ url }) => {
      if (url !== null) window.location.assign(url);
    },
    onRefused: (errors) => {
      // Where nobody is sent back to this origin, the server's own page says how it went.
      if (errors.every(({ field }) => field?.[0] === "returnUrl")) void form.submit({ systemId, expiresInMinutes: EXPIRES_IN_MINUTES });
    },
  });
  const connect = () =>
    void form.submit({ systemId, expiresInMinutes: EXPIRES_IN_MINUTES, returnUrl: `${window.location.origin}${path}` });
  return { ...form, connect };
}
