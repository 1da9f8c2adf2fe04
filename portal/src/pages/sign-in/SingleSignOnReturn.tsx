import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { open, useMutationForm } from "@/api";
import { useSession } from "@/app/session";
import { Banner, ButtonLink, FormBanner, Spinner } from "@/ui";
import { SignInFrame } from "./SignInFrame";
import { FINISH, forget, keptAttempt } from "./singleSignOn";

/** Somebody comes back from their organisation's provider. */
export function SingleSignOnReturn() {
  const { t } = useTranslation("sign-in");
  const session = useSession();
  const navigate = useNavigate();
  const [address] = useSearchParams();
  const attempt = useRef(keptAttempt());
  const isBegun = useRef(false);
  const form = useMutationForm(FINISH, {
    payload: (data) => data.finishSingleSignOn,
    context: open,
    onDone: (answer) => {
      const next = attempt.current?.next;
      forget();
      void navigate(`/sign-in${next ? `?next=${encodeURIComponent(next)}` : ""}`, { replace: true });
      session.begin(answer);
    },
  });
  const state = address.get("state");
  const code = address.get("code");
  const { submit } = form;
  useEffect(() => {
    if (isBegun.current || !state || !code || !attempt.current) return;
    isBegun.current = true;
    void submit({ state, code, secret: attempt.current.secret });
  }, [state, code, submit]);

  const reason = address.get("error_description") ?? address.get("error");
  const isOver = form.problem !== null || form.otherErrors.length > 0;
  const provider = attempt.current?.providerId;
  return (
    <SignInFrame title={t("sso.returning")}>
      <FormBanner form={form} />
      {reason !== null ? (
        <Banner tone="danger">{t("sso.failed", { reason })}</Banner>
      ) : !attempt.current || !code ? (
        <Banner tone="danger">{t("sso.lost")}</Banner>
      ) : (
        !isOver && <Spinner />
      )}
      {(reason !== null || isOver || !attempt.current) && (
        <ButtonLink to={provider ? `/sign-in?provider=${encodeURIComponent(provider)}` : "/sign-in"}>{t("sso.again")}</ButtonLink>
      )}
    </SignInFrame>
  );
}
