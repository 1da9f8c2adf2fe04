import { ConfirmPerson, type Confirmed } from "./ConfirmPerson";
import { PasswordDialog } from "./PasswordDialog";
import { RoleDialog } from "./RoleDialog";
import type { Person } from "./UserList";

export type PersonActionKind = "role" | "password" | Confirmed;

/** The dialog of what is to be done with a person. */
export function PersonAction({ kind, person, onClose }: { kind: PersonActionKind; person: Person; onClose: () => void }) {
  if (kind === "role") return <RoleDialog person={person} onClose={onClose} />;
  if (kind === "password") return <PasswordDialog person={person} onClose={onClose} />;
  return <ConfirmPerson kind={kind} person={person} onClose={onClose} />;
}
