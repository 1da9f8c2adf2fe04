/** What is needed of `graphql`, so that bundlers leave out the rest. It is loaded with the first mutation. */

export { Kind, parse, print } from "graphql";
