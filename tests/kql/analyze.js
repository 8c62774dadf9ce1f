// Parses and binds KQL with Microsoft's own parser, @kusto/language-service-next.
//
// Reads from standard input {"tables": {table: {column: type}}, "queries": {name: text}}; writes {name: what the parser made of it}:
//   diagnostics  [{code, severity, message, line, text}]
//   tables       the tables that it reads
//   columns      {name: type} of its result
//   lookups      every ["name"] that it takes out of a dynamic value
//   comparisons  [{of, operator, values}]: what a text is compared with, and the names that the text comes from (table columns, lookups)
'use strict'
const folder = require('path').join(__dirname, '..', 'node_modules', '@kusto', 'language-service-next')
require(`${folder}/bridge.min.js`)
require(`${folder}/Kusto.Language.Bridge.min.js`)
const { KustoCode, GlobalState, Symbols, Syntax } = Kusto.Language
const { SyntaxKind } = Syntax

const array = (sequence) => (sequence ? System.Linq.Enumerable.from(sequence).ToArray(Object) : [])
const unique = (values) => [...new Set(values)]
const kindOf = (node) => System.Enum.toString(SyntaxKind, node.Kind)
const isText = (node) => node.Kind === SyntaxKind.StringLiteralExpression

function nodesBelow(root) {
  const found = []
  Syntax.SyntaxElement.WalkNodes(root, (node) => found.push(node))
  return found
}

function globalsFor(tables) {
  const symbols = Object.entries(tables).map(([name, columns]) => {
    const schema = Object.entries(columns).map(([column, type]) => `['${column}']: ${type}`)
    return new Symbols.TableSymbol.$ctor7(name, `(${schema.join(', ')})`, null)
  })
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('workspace', symbols))
}

function lookupsIn(nodes) {
  return nodes
    .filter((node) => node.Kind === SyntaxKind.BracketedExpression && isText(node.Expression))
    .map((node) => node.Expression.LiteralValue)
}

// The names that an expression's value comes from: a lookup's own, else those of the columns in it, followed to where they are computed.
function originsOf(root, seen = new Set()) {
  const nodes = nodesBelow(root)
  const lookups = lookupsIn(nodes)
  if (lookups.length) return lookups
  return unique(nodes.flatMap((node) => originsOfColumn(node.ReferencedSymbol, seen)))
}

function originsOfColumn(symbol, seen) {
  if (!Bridge.is(symbol, Symbols.ColumnSymbol) || seen.has(symbol)) return []
  seen.add(symbol)
  const before = array(symbol.OriginalColumns).flatMap((each) => originsOfColumn(each, seen))
  const origins = symbol.Source ? originsOf(symbol.Source, seen) : before
  return origins.length ? origins : [symbol.Name]
}

function comparisonOf(node) {
  const compare = (text, operator, operands) => {
    const values = operands.filter(isText).map((each) => each.LiteralValue)
    return values.length ? [{ of: originsOf(text), operator, values }] : []
  }
  if (Bridge.is(node, Syntax.InExpression)) {
    return compare(node.Left, node.Operator.Text, array(node.Right.Expressions).map((each) => each.Element$1 ?? each.Element))
  }
  if (Bridge.is(node, Syntax.BinaryExpression)) return compare(node.Left, node.Operator.Text, [node.Right])
  if (node.Kind === SyntaxKind.FunctionCallExpression && node.Name.SimpleName === 'extract') {
    const [pattern, , text] = array(node.ArgumentList.Expressions).map((each) => each.Element$1 ?? each.Element)
    return compare(text, 'extract', [pattern])
  }
  return []
}

function diagnosticsOf(code, query) {
  return array(code.GetDiagnostics()).map((each) => ({
    code: each.Code,
    severity: each.Severity,
    message: each.Message,
    line: query.slice(0, each.Start).split('\n').length,
    text: query.slice(each.Start, each.Start + each.Length)
  }))
}

function analyze(query, globals) {
  const code = KustoCode.ParseAndAnalyze(query, globals)
  const nodes = nodesBelow(code.Syntax)
  const symbols = nodes.map((node) => node.ReferencedSymbol).filter((each) => Bridge.is(each, Symbols.TableSymbol))
  const columns = array(code.ResultType && code.ResultType.Columns)
  return {
    diagnostics: diagnosticsOf(code, query),
    tables: unique(symbols.map((each) => each.Name)).filter((name) => name in asked.tables),
    columns: Object.fromEntries(columns.map((each) => [each.Name, each.Type.Name])),
    lookups: unique(lookupsIn(nodes)),
    comparisons: nodes.flatMap(comparisonOf)
  }
}

const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const globals = globalsFor(asked.tables)
const answer = Object.entries(asked.queries).map(([name, query]) => [name, analyze(query, globals)])
process.stdout.write(JSON.stringify(Object.fromEntries(answer)))
