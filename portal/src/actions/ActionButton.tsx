import { lazy, Suspense, useState, type ReactNode } from "react";
import type { ResponsibleParty } from "@/api/generated/schema";
import { Button, ButtonLink, type ButtonProps } from "@/ui";
import { ActionIcon } from "./ActionIcon";
import { isDirect } from "./directMutations";
import { DirectActionButton } from "./DirectActionButton";
import { choiceOf } from "./subject";
import { inputOf, type ActionSubject, type SuggestedAction } from "./suggestedAction";

const ConnectDialog = lazy(() => import("./ConnectDialog"));
const HandOverDialog = lazy(() => import("./HandOverDialog"));
const QuarantineDialog = lazy(() => import("./QuarantineDialog"));
const RetryDialog = lazy(() => import("./RetryDialog"));
const SkipDialog = lazy(() => import("./SkipDialog"));

export interface ActionButtonProps {
  action: SuggestedAction;
  subject?: ActionSubject;
  kind?: ButtonProps["kind"];
  size?: ButtonProps["size"];
  /** It was done: read anew what it changed. */
  onDone?: () => void;
  /** A retry began, which can be watched by `RetryProgress`. */
  onRetryStarted?: (retryId: string) => void;
}

/** Whether there is a button for it: other steps are taken elsewhere, by people. */
export function isPressed(action: SuggestedAction): boolean {
  return action.mutation !== null && (isDirect(action.mutation) || action.mutation in openers || action.mutation in links);
}

/** Runs a step that the API suggests, whatever it is. One that is not for this viewer is disabled; its reason stands beside it. */
export function ActionButton({ action, subject, kind = "secondary", size = "medium", onDone, onRetryStarted }: ActionButtonProps) {
  const [isOpen, setIsOpen] = useState(false);
  const mutation = action.mutation ?? "";
  const icon = <ActionIcon kind={action.kind} />;
  if (!action.isAvailable || !action.input) {
    return (
      <Button size={size} icon={icon} isDisabled>
        {action.label}
      </Button>
    );
  }
  const to = links[mutation]?.(action, subject);
  if (to !== undefined) {
    return (
      <ButtonLink kind={kind} size={size} to={to} icon={icon}>
        {action.label}
      </ButtonLink>
    );
  }
  if (isDirect(mutation)) {
    return <DirectActionButton action={action} mutation={mutation} kind={kind} size={size} icon={icon} onDone={onDone} />;
  }
  const close = () => setIsOpen(false);
  const done = () => {
    close();
    onDone?.();
  };
  const started = (retryId: string) => {
    done();
    onRetryStarted?.(retryId);
  };
  return (
    <>
      <Button kind={kind} size={size} icon={icon} onPress={() => setIsOpen(true)}>
        {action.label}
      </Button>
      {isOpen && <Suspense>{openers[mutation]?.({ action, subject, close, done, started })}</Suspense>}
    </>
  );
}

interface Opened {
  action: SuggestedAction;
  subject: ActionSubject | undefined;
  close: () => void;
  done: () => void;
  started: (retryId: string) => void;
}

/** Steps that ask for something first. */
const openers: Record<string, (opened: Opened) => ReactNode> = {
  createConnectLink: ({ action, close }) => <ConnectDialog systemId={inputOf(action, "systemId")} title={action.label} onClose={close} />,
  retryFailures: ({ subject, close, started }) => subject && <RetryDialog choice={choiceOf(subject)} onClose={close} onStarted={started} />,
  skipFailures: ({ action, subject, close, done }) =>
    subject && (
      <SkipDialog choice={choiceOf(subject)} isReasonRequired={action.missingInput.includes("reason")} onClose={close} onDone={done} />
    ),
  releaseQuarantine: ({ action, close, done, started }) => (
    <QuarantineDialog quarantineId={inputOf(action, "quarantineId")} decision="release" title={action.label} onClose={close} onDone={(retryId) => (retryId ? started(retryId) : done())} />
  ),
  discardQuarantine: ({ action, close, done }) => (
    <QuarantineDialog quarantineId={inputOf(action, "quarantineId")} decision="discard" title={action.label} onClose={close} onDone={done} />
  ),
  handOverFailureGroup: ({ action, close, done }) => (
    <HandOverDialog groupId={inputOf(action, "groupId")} to={[inputOf(action, "to") as ResponsibleParty]} title={action.label} explanation={action.explanation} onClose={close} onDone={done} />
  ),
};

/** Steps that are taken on another page. */
const links: Record<string, (action: SuggestedAction, subject: ActionSubject | undefined) => string> = {
  updateSystem: (action) => `/systems/${inputOf(action, "systemId")}?tab=settings`,
  updateIntegration: (action) =>
    `/integrations/${inputOf(action, "integrationId")}?tab=${action.kind === "MAP_FIELD" ? "mapping" : "settings"}`,
  // Of a group with many, one chooses which to edit.
  editAndRetryFailure: (action, subject) =>
    subject?.kind === "group" && !subject.isOnly ? `/groups/${subject.id}?tab=failures` : `/failures/${inputOf(action, "failureId")}?edit=yes`,
};
