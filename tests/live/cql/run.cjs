// Runs one translated library on patients, one Bundle a line, and writes one line a patient: its defines' values.
// node run.js ELM_DIR LIBRARY PATIENTS.ndjson EXPANSIONS.json AS_OF OUT.ndjson [ROUNDS]
// With ROUNDS the executions are repeated, and their CPU time in milliseconds a patient goes to stdout.
const fs = require('fs');
const path = require('path');
const cql = require('cql-execution');
const cqlfhir = require('cql-exec-fhir');

const [elm, name, patients, expansions, asOf, out, rounds] = process.argv.slice(2);
const read = file => JSON.parse(fs.readFileSync(file, 'utf8'));
const helpers = read(path.join(elm, 'FHIRHelpers.json'));
const library = new cql.Library(read(path.join(elm, `${name}.json`)), new cql.Repository({ helpers }));
const codes = new cql.CodeService(read(expansions));
const day = cql.Date.parse(asOf);
const bundles = fs.readFileSync(patients, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line));
const own = key => key !== 'Patient' && key !== 'Drug records' && !key.startsWith('Units of ');
const defines = Object.keys(library.expressions).filter(own);

async function execute(bundle) {
  const source = cqlfhir.PatientSource.FHIRv401();
  source.loadBundles([bundle]);
  const executor = new cql.Executor(library, codes, { 'As of': day });
  const at = cql.DateTime.parse(`${asOf}T12:00:00.000+00:00`);
  const results = await executor.exec(source, at);
  const [[id, values]] = Object.entries(results.patientResults);
  return { patient: id, values: Object.fromEntries(defines.map(key => [key, values[key] ?? null])) };
}

async function main() {
  const lines = [];
  for (const bundle of bundles) {
    try {
      lines.push(JSON.stringify(await execute(bundle)));
    } catch (problem) {
      lines.push(JSON.stringify({ patient: bundle.id, error: String(problem.stack || problem) }));
    }
  }
  fs.writeFileSync(out, lines.join('\n') + '\n');
  for (let round = 0; round < Number(rounds || 0); round++) {
    const start = process.cpuUsage();
    for (const bundle of bundles) await execute(bundle);
    const used = process.cpuUsage(start);
    console.log((used.user + used.system) / 1000 / bundles.length);
  }
}

main();
