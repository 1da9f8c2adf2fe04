import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { renderPage } from "@/test/render";
import { PersonDialog } from "./PersonDialog";
import { PersonActions } from "./PersonActions";
import { ConfirmPerson } from "./ConfirmPerson";
import type { Person } from "./UserList";

const person: Person = {
  id: "user_2",
  email: "bo@acme.example",
  name: "Bo",
  role: "TENANT_MEMBER",
  createdAt: "2026-01-01T00:00:00Z",
  disabledAt: null,
  secondFactor: false,
  tenant: { id: "ten_1", name: "Acme" },
};

test("where no mail can be sent, a first password is offered", async () => {
  const onOtherWay = vi.fn();
  renderPage(<PersonDialog way="invitation" onClose={() => undefined} onOtherWay={onOtherWay} />, {
    permissions: ["users:manage"],
    answers: { InviteUser: { inviteUser: { invitation: null, userErrors: [{ code: "NOT_CONFIGURED", field: null, message: "no mail server" }] } } },
  });
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).queryByRole("radio", { name: "Engineer" })).toBeNull();
  await userEvent.type(within(dialog).getByLabelText("Mail address"), "cy@acme.example");
  await userEvent.type(within(dialog).getByLabelText("Name"), "Cy");
  await userEvent.click(within(dialog).getByRole("button", { name: "Send the invitation" }));
  await userEvent.click(await screen.findByRole("button", { name: "Add with a password" }));
  expect(onOtherWay).toHaveBeenCalled();
});

test("who may not manage people has no actions, and nobody acts on themselves", () => {
  const { unmount } = renderPage(<PersonActions person={person} onAct={() => undefined} />, { permissions: ["users:read"] });
  expect(screen.queryByRole("button")).toBeNull();
  unmount();
  renderPage(<PersonActions person={{ ...person, id: "usr_1" }} onAct={() => undefined} />, { permissions: ["users:manage"] });
  expect(screen.queryByRole("button")).toBeNull();
});

test("somebody is disabled after asking", async () => {
  const onClose = vi.fn();
  const { asked } = renderPage(<ConfirmPerson kind="disable" person={person} onClose={onClose} />, {
    permissions: ["users:manage"],
    answers: { DisableUser: { disableUser: { user: null, userErrors: [] } } },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Disable" }));
  expect(asked).toEqual([{ name: "DisableUser", variables: { input: { userId: "user_2" } } }]);
  expect(onClose).toHaveBeenCalled();
});
