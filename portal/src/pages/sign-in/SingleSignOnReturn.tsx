import { useEffect, useEffectEvent, useRef, useState } from "react";
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
  const [attempt] = useState(keptAttempt);
  const isBegun = useRef(false);
  const form = useMutationForm(FINISH, {
    payload: (data) => data.finishSingleSignOn,
    context: open,
    onDone: (answer) => {
      const next = attempt?.next;
      forget();
      void navigate(`/sign-in${next ? `?next=${encodeURIComponent(next)}` : ""}`, { replace: true });
      session.begin(answer);
    },
  });
  const state = address.get("state");
  const code = address.get("code");
  const finish = useEffectEvent(() => {
    if (isBegun.current || !state || !code || !attempt) return;
    isBegun.current = true;
    void form.submit({ state, code, secret: attempt.secret });
  });
  useEffect(() => finish(), []);

  const reason = address.get("error_description") ?? address.get("error");
  const isOver = form.problem !== null || form.otherErrors.length > 0;
  const provider = attempt?.providerId;
  return (
    <SignInFrame title={t("sso.returning")}>
      <FormBanner form={form} />
      {reason !== null ? (
        <Banner tone="danger">{t("sso.failed", { reason })}</Banner>
      ) : !attempt || !code ? (
        <Banner tone="danger">{t("sso.lost")}</Banner>
      ) : (
        !isOver && <Spinner />
      )}
      {(reason !== null || isOver || !attempt) && (
        <ButtonLink to={provider ? `/sign-in?provider=${encodeURIComponent(provider)}` : "/sign-in"}>{t("sso.again")}</ButtonLink>
      )}
    </SignInFrame>
  );
}
