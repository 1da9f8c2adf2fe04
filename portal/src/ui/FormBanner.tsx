import type { MutationForm } from "@/api";
import { Banner } from "./Banner";
import { ProblemBanner } from "./ProblemBanner";

/** What is wrong with what was sent, apart from the fields. */
export function FormBanner({ form }: { form: Pick<MutationForm<unknown, unknown>, "otherErrors" | "problem"> }) {
  if (form.problem) return <ProblemBanner problem={form.problem} />;
  if (form.otherErrors.length === 0) return null;
  return (
    <Banner tone="danger">
      {form.otherErrors.map((error, index) => (
        <p key={index}>{error.message}</p>
      ))}
    </Banner>
  );
}
