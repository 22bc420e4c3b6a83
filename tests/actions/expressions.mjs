// GitHub's own reading of workflow files and of expressions, one request in a line, one answer in a line.
// The first argument is the folder of npm's modules that has @actions/expressions and @actions/workflow-parser.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { register } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// The parser imports its schema without saying that it is JSON, which Node wants to be told.
register(`data:text/javascript,${encodeURIComponent(`export const load = (url, context, next) =>
  next(url, url.endsWith('.json') ? { ...context, importAttributes: { type: 'json' } } : context);`)}`);

const load = (name) => import(pathToFileURL(`${process.argv[2]}/@actions/${name}.js`).href);
const { Lexer, Parser, Evaluator, data } = await load('expressions/dist/index');
const ast = await load('expressions/dist/ast');
const { truthy } = await load('expressions/dist/result');
const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = await load('workflow-parser/dist/index');
const { parseAction } = await load('workflow-parser/dist/actions/index');
const { ensureStatusFunction } = await load('workflow-parser/dist/model/converter/if-condition');
const Kinds = { String: 0, Sequence: 1, Mapping: 2, Expression: 3, Insert: 4, Boolean: 5, Number: 6, Null: 7 };

// A token of a template as plain JSON; an expression is {"$": its text}.
function plain(token, under = '') {
  switch (token.templateTokenType) {
    case Kinds.Sequence: return [...token].map((each) => plain(each));
    case Kinds.Mapping: return Object.fromEntries([...token].map(({ key, value }) => {
      const name = key.toString();
      const asked = name === 'if' && value.isScalar && !['env', 'with', 'inputs', 'outputs'].includes(under);
      return [name, asked ? condition(value) : plain(value, name)];
    }));
    case Kinds.Expression: return { $: token.expression };
    case Kinds.Insert: throw new Error('an expression that inserts a mapping is not understood here');
    case Kinds.Null: return null;
    default: return token.value;
  }
}

const condition = (token) => ({ $: ensureStatusFunction(token.expression ?? String(token.value), token.definitionInfo) });

async function read(kind, name, text) {
  const parse = kind === 'action' ? parseAction : parseWorkflow;
  const { context, value } = parse({ name, content: text }, new NoOperationTraceWriter());
  const errors = () => context.errors.getErrors().map((each) => each.message);
  if (!value || errors().length) return { errors: errors() };
  if (kind === 'workflow') await convertWorkflowTemplate(context, value);
  return { errors: errors(), value: plain(value) };
}

// What an expression reaches for by literal names: [["needs", "plan", "outputs", "orders"], …].
function reaches(node, found) {
  const path = (each) => {
    if (each instanceof ast.ContextAccess) return [each.name.lexeme];
    if (each instanceof ast.IndexAccess && each.index instanceof ast.Literal) {
      const before = path(each.expr);
      return before && [...before, each.index.literal.coerceString()];
    }
    return undefined;
  };
  const whole = path(node);
  if (whole) { found.push(whole); return found; }
  for (const inner of [node.expr, node.left, node.right, node.group, node.index, ...(node.args ?? [])])
    if (inner?.accept && !(inner instanceof ast.Star)) reaches(inner, found);
  return found;
}

function hashFiles(folder, patterns) {
  const pattern = (each) => new RegExp('^' + each.replace(/[.+^$()|[\]{}\\]/g, '\\$&')
    .replace(/\*\*\/|\*|\?/g, (wild) => ({ '**/': '(.*/)?', '*': '[^/]*', '?': '[^/]' })[wild]) + '$');
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    .map((each) => `${each.path}/${each.name}`.slice(folder.length + 1));
  const files = all.filter((file) => patterns.some((each) => pattern(each).test(file))).sort();
  const whole = createHash('sha256');
  for (const file of files) whole.update(createHash('sha256').update(readFileSync(`${folder}/${file}`)).digest());
  return files.length ? whole.digest('hex') : '';
}

function evaluate({ text, contexts, status, folder }) {
  const yes = (value) => new data.BooleanData(value);
  const own = [
    { name: 'success', minArgs: 0, maxArgs: 0, call: () => yes(status === 'success') },
    { name: 'failure', minArgs: 0, maxArgs: 0, call: () => yes(status === 'failure') },
    { name: 'cancelled', minArgs: 0, maxArgs: 0, call: () => yes(status === 'cancelled') },
    { name: 'always', minArgs: 0, maxArgs: 0, call: () => yes(true) },
    { name: 'hashFiles', minArgs: 1, maxArgs: 255, call: (...all) => new data.StringData(hashFiles(folder, all.map((each) => each.coerceString()))) },
  ];
  const tree = new Parser(new Lexer(text).lex().tokens, Object.keys(contexts), own).parse();
  const functions = new Map(own.map((each) => [each.name.toLowerCase(), each]));
  const result = new Evaluator(tree, JSON.parse(JSON.stringify(contexts), data.reviver), functions).evaluate();
  return {
    value: JSON.parse(JSON.stringify(result, data.replacer)),
    text: result.coerceString(), truthy: truthy(result), reaches: reaches(tree, []),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = asked.op === 'evaluate' ? evaluate(asked) : await read(asked.op, asked.name, asked.text);
  } catch (error) {
    answer = { failed: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
