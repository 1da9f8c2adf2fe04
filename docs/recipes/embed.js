// Writes each program into the page about it, which has it between ```ts and ```.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

for (const program of readdirSync(".").filter((name) => /^\d\d-.*\.ts$/.test(name))) {
  const page = program.replace(".ts", ".md");
  const code = readFileSync(program, "utf8");
  writeFileSync(page, readFileSync(page, "utf8").replace(/```ts\n[^]*?```/, () => `\`\`\`ts\n${code}\`\`\``));
}
