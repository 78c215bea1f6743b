// CSV files: the separator is the one of comma, semicolon and tab that is most frequent in the first line that is not empty.

import { CsvError, type InfoRecord, type Options, parse } from 'csv-parse'
import { WideheadError } from '../../errors.js'
import { openBytes, readBlocks } from '../lines.js'
import { fileError, type Source } from '../source.js'
import { RowFault, rowError, type Table, type TableRow } from './table.js'

const ROWS_AT_ONCE = 4096
const LONGEST_ROW = 2 ** 26

export async function openCsv(source: Source, header: boolean): Promise<Table> {
  const delimiter = await separator(source)
  const columns = await firstRecord(source, delimiter)
  if (!columns) throw new WideheadError('WIDEHEAD_DATA', `${source.label}: the file is empty`)
  const first = header ? 2 : 1
  return {
    columns,
    rows: (chosen) => rows(source, { delimiter, from: first }, chosen),
    place: (row) => lineOf(source, delimiter, row + first - 1),
  }
}

async function separator(source: Source): Promise<string> {
  const line = await firstFilledLine(source)
  const counts = [',', ';', '\t'].map((mark) => [mark, line.split(mark).length] as const)
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

async function firstFilledLine(source: Source): Promise<string> {
  for await (const { lines } of readBlocks(source, { split: true })) {
    const line = lines.find((text) => text.trim())
    if (line !== undefined) return line
  }
  return ''
}

async function firstRecord(source: Source, delimiter: string): Promise<string[] | undefined> {
  for await (const record of records(source, { delimiter, to: 1 })) return record
  return undefined
}

async function* rows(source: Source, options: Options, columns: readonly number[]): AsyncGenerator<TableRow[]> {
  let block: TableRow[] = []
  let row = 0
  for await (const record of records(source, options)) {
    row++
    const missing = columns.find((column) => column >= record.length)
    if (missing !== undefined) throw new RowFault(row, `the row ends before column ${missing + 1}`)
    block.push({ row, values: columns.map((column) => record[column]) })
    if (block.length === ROWS_AT_ONCE) {
      yield block
      block = []
    }
  }
  if (block.length) yield block
}

/** The line on which a record ends. To know it of all of them would double the time of reading. */
async function lineOf(source: Source, delimiter: string, record: number): Promise<number> {
  let found = 0
  const note = (passed: string[], { lines }: InfoRecord) => {
    found = lines
    return passed
  }
  for await (const _ of records(source, { delimiter, from: record, to: record, on_record: note })) break
  return found
}

async function* records(source: Source, options: Options): AsyncGenerator<string[]> {
  const parser = parse({
    ...options,
    ...{ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true },
    max_record_size: LONGEST_ROW,
  })
  const bytes = await openBytes(source.path).catch((error) => {
    throw fileError(`cannot read ${source.label}`, error)
  })
  bytes.on('error', (error) => parser.destroy(error))
  try {
    for await (const row of bytes.pipe(parser)) yield row as string[]
  } catch (error) {
    throw error instanceof CsvError
      ? rowError(source, error.lines as number, error.message)
      : fileError(`cannot read ${source.label}`, error)
  } finally {
    bytes.destroy()
  }
}
