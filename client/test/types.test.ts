// What the compiler must say; nothing of it is asked for.
import { expectTypeOf, test } from "vitest";

import {
  type Failure,
  FailuresDocument,
  FailuresOfRunDocument,
  type PagePath,
  RunDocument,
  RunsDocument,
  SignOutDocument,
  StartRunDocument,
  Trestle,
  type TypedDocument,
  type UserError,
  userErrorsOf,
} from "../src/index.js";

const trestle = new Trestle({ url: "http://127.0.0.1" });

interface Nested {
  viewer: { role: string };
  tenant: {
    systems: { edges: { node: { id: string } }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
  } | null;
  streams: { failures: { pageInfo: { hasNextPage: boolean } } }[];
}

test("a query takes and gives what its document says", () => {
  const ask = async () => {
    const { run } = await trestle.query(RunDocument, { id: "run_1" });
    expectTypeOf(run!.counts.read).toEqualTypeOf<number>();
    // @ts-expect-error: it has a variable that is needed.
    await trestle.query(RunDocument);
    // @ts-expect-error: it has another type.
    await trestle.query(RunDocument, { id: 1 });
    await trestle.mutate(SignOutDocument);
  };
  expectTypeOf(ask).returns.resolves.toBeVoid();
});

test("what a mutation made is there, and what is wrong with its input has places of that input", () => {
  const start = async () => {
    const { startRun } = await trestle.mutate(StartRunDocument, { input: { integrationId: "integration_1" } });
    expectTypeOf(startRun.run.id).toEqualTypeOf<string>();
    const errors = userErrorsOf(new Error(), StartRunDocument);
    expectTypeOf(errors!.of("integrationId")).toEqualTypeOf<UserError[]>();
    // @ts-expect-error: the input has no such place.
    errors!.of("integration");
  };
  expectTypeOf(start).returns.resolves.toBeVoid();
});

test("a mutation without user errors can't be done", () => {
  interface Result {
    startRun: { run: { id: string } | null };
  }
  const document = {} as TypedDocument<Result, { id: string }>;
  // @ts-expect-error: what was refused would look as if it had been done.
  const start = () => trestle.mutate(document, { id: "run_1" });
  expectTypeOf(start).toBeFunction();
});

test("paths lead to connections, and nowhere else", () => {
  expectTypeOf<PagePath<Nested>>().toEqualTypeOf<"tenant.systems">();
  const read = async () => {
    for await (const failure of trestle.nodes(FailuresDocument, {}, "failures")) {
      expectTypeOf(failure).toEqualTypeOf<Failure>();
    }
    for await (const page of trestle.pages(FailuresOfRunDocument, { runId: "run_1" }, "run.failures")) {
      expectTypeOf(page.pageInfo.endCursor).toEqualTypeOf<string | null>();
    }
    // @ts-expect-error: there is no such connection.
    trestle.nodes(RunsDocument, {}, "failures");
    // @ts-expect-error: a run is none.
    trestle.pages(RunDocument, { id: "run_1" }, "run");
    // @ts-expect-error: it takes no $after, so that the first page would come again and again.
    trestle.nodes({} as TypedDocument<Nested, { slug: string }>, { slug: "acme" }, "tenant.systems");
  };
  expectTypeOf(read).returns.resolves.toBeVoid();
});
