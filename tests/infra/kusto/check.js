// Parses and binds queries with Microsoft's language service.
// In: {folder, tables: {name: "column: type, …"}, queries: {name: text}}. Out: {name: {problems: […], columns: {name: type}}}.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const given = JSON.parse(fs.readFileSync(0, "utf8"));
const service = path.join(given.folder, "node_modules", "@kusto", "language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(service, file), "utf8"), { filename: file });
}
const { KustoCode, GlobalState, Symbols } = Kusto.Language;
const tables = Object.entries(given.tables).map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, `(${columns})`, ""));
const workspace = new Symbols.DatabaseSymbol.ctor("workspace", tables);
const globals = GlobalState.Default.WithDatabase(workspace);

const all = (sequence) => {
  const found = [];
  for (const each = Bridge.getEnumerator(sequence); each.moveNext(); ) found.push(each.Current);
  return found;
};

const answer = {};
for (const [name, text] of Object.entries(given.queries)) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const result = code.ResultType;
  answer[name] = {
    problems: all(code.GetDiagnostics()).map((one) => `${one.Severity} at ${one.Start}: ${one.Message}`),
    columns: Object.fromEntries((result && result.Columns ? all(result.Columns) : []).map((one) => [one.Name, one.Type.Name])),
  };
}
process.stdout.write(JSON.stringify(answer));
