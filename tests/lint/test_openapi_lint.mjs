// Lints openapi.yaml by the rules of test_openapi_lint.yaml; exits with 1 when there is anything to
// say. Needs `npm ci --prefix tests/lint`; makes no network connection.
import { fileURLToPath } from "node:url";
import openapi from "@redocly/openapi-core";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const contract = process.argv[2] ?? here("../../openapi.yaml");

const config = await openapi.loadConfig({ configPath: here("test_openapi_lint.yaml") });
const problems = await openapi.lint({ ref: contract, config });
const totals = openapi.getTotals(problems);

openapi.formatProblems(problems, { format: "codeframe", totals, version: "1.34.21" });
process.exitCode = totals.errors + totals.warnings > 0 ? 1 : 0;
