// CSV files: the separator is the one of comma, semicolon and tab that is most frequent in the first line.

import { CsvError, type Info, type Options, parse } from 'csv-parse'
import { WideheadError } from '../../errors.js'
import { firstLines, openBytes } from '../lines.js'
import { fileError, type Source } from '../source.js'
import type { Table, TableRow } from './table.js'
import { rowError } from './table.js'

const ROWS_AT_ONCE = 4096
const LONGEST_ROW = 2 ** 26

type Row = { record: string[]; info: Info }

export async function openCsv(source: Source, header: boolean): Promise<Table> {
  const delimiter = await separator(source)
  const first = await firstRow(source, delimiter)
  if (!first) throw new WideheadError('WIDEHEAD_DATA', `${source.label}: the file is empty`)
  return { columns: first.record, rows: (columns) => rows(source, delimiter, header, columns) }
}

async function separator(source: Source): Promise<string> {
  const [line = ''] = await firstLines(source, 1)
  const counts = [',', ';', '\t'].map((mark) => [mark, line.split(mark).length] as const)
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

async function firstRow(source: Source, delimiter: string): Promise<Row | undefined> {
  for await (const row of records(source, { delimiter, to: 1 })) return row
  return undefined
}

async function* rows(
  source: Source,
  delimiter: string,
  header: boolean,
  columns: readonly number[],
): AsyncGenerator<TableRow[]> {
  let block: TableRow[] = []
  for await (const { record, info } of records(source, { delimiter, from: header ? 2 : 1 })) {
    const missing = columns.find((column) => column >= record.length)
    if (missing !== undefined) {
      throw rowError(source, info.lines, `the row ends before column ${missing + 1}`)
    }
    block.push({ place: info.lines, values: columns.map((column) => record[column]) })
    if (block.length === ROWS_AT_ONCE) {
      yield block
      block = []
    }
  }
  if (block.length) yield block
}

async function* records(source: Source, options: Options): AsyncGenerator<Row> {
  const parser = parse({
    ...options,
    ...{ bom: true, info: true, trim: true, skip_empty_lines: true, relax_column_count: true },
    max_record_size: LONGEST_ROW,
  })
  const bytes = await openBytes(source.path).catch((error) => {
    throw fileError(`cannot read ${source.label}`, error)
  })
  bytes.on('error', (error) => parser.destroy(error))
  try {
    for await (const row of bytes.pipe(parser)) yield row as Row
  } catch (error) {
    throw error instanceof CsvError
      ? rowError(source, error.lines as number, error.message)
      : fileError(`cannot read ${source.label}`, error)
  } finally {
    bytes.destroy()
  }
}
