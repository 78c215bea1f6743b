// Tables become lines of a format, in a temporary file: training reads its data several times, and the rows of a user may
// lie anywhere in several files.

import { join } from 'node:path'
import { WideheadError } from '../../errors.js'
import type { FormatName } from '../formats/format.js'
import { joinIds } from '../formats/tokens.js'
import type { Source } from '../source.js'
import { byNumber, type Columns, findColumns, formatsOf, type GivenColumns, isPairs, type Role } from './columns.js'
import { Groups, LineFile } from './groups.js'
import { openTable, RowFault, rowError, type Table, type TableKind, tableKind } from './table.js'

interface Opened {
  source: Source
  kind: TableKind
  table: Table
  columns: Columns
}

async function open(source: Source, kind: TableKind, given: GivenColumns = {}): Promise<Opened> {
  const table = await openTable(source, kind, !byNumber(given))
  return { source, kind, table, columns: findColumns(table.columns, given, source.label) }
}

/** The formats a table may be of; undefined if the source is none. */
export async function tableFormats(source: Source, given?: GivenColumns): Promise<FormatName[] | undefined> {
  const kind = tableKind(source, given)
  return kind && formatsOf((await open(source, kind, given)).columns)
}

/** The same sources with all tables among them as one of lines. `folder` makes a folder for temporary files. */
export async function convertTables(
  sources: readonly Source[],
  format: FormatName,
  given: GivenColumns | undefined,
  folder: () => Promise<string>,
): Promise<Source[]> {
  const tables = sources.flatMap((source) => {
    const kind = tableKind(source, given)
    return kind ? [{ source, kind }] : []
  })
  if (!tables.length) return [...sources]
  const opened: Opened[] = []
  for (const { source, kind } of tables) opened.push(await open(source, kind, given))
  const place = await folder()
  const path = join(place, 'lines')
  await new Converter(format, path, new Groups(place)).convert(opened)
  const label = tables.map(({ source }) => source.label).join(', ')
  const kept = sources.filter((source) => !tables.some((table) => table.source === source))
  return [{ path, label }, ...kept]
}

class Converter {
  private lines: string[] = []
  /** Lists that came without one were given numbers. */
  private owners = 0
  private readonly file: LineFile

  constructor(
    private readonly format: FormatName,
    path: string,
    private readonly groups: Groups,
  ) {
    this.file = new LineFile(path)
  }

  async convert(tables: readonly Opened[]): Promise<void> {
    try {
      for (const opened of tables) await this.table(opened).catch((error) => located(error, opened))
      for await (const { user, items } of this.groups.groups()) await this.line(user, items)
      await this.flush()
      await this.file.end()
    } finally {
      this.file.destroy()
      this.groups.destroy()
    }
  }

  private async table(opened: Opened): Promise<void> {
    if (this.format === 'xmc') throw usage(`${opened.source.label}: files of the format xmc are no tables`)
    if (this.format === 'text') return this.texts(opened)
    return isPairs(opened.columns) ? this.pairs(opened) : this.lists(opened)
  }

  /** A row is a document. */
  private async texts({ source, table, columns }: Opened): Promise<void> {
    const { text } = columns
    if (text === undefined) throw usage(`${source.label} has no column text: say which it is with --columns text=NAME`)
    for await (const rows of table.rows([text])) {
      for (const { values } of rows) this.lines.push('<doc>', String(values[0] ?? ''))
      await this.flush()
    }
  }

  private async pairs({ table, columns }: Opened): Promise<void> {
    const { user, item, time } = columns as Record<Role, number>
    const timed = time !== undefined && this.format === 'sequences'
    for await (const rows of table.rows(timed ? [user, item, time] : [user, item])) {
      for (const { row, values } of rows) {
        const when = timed ? timeOf(values[2], row) : 0
        const waiting = this.groups.add(idOf(values[0], 'user', row), idOf(values[1], 'item', row), when)
        if (waiting) await waiting
      }
    }
  }

  /** A row is a list, of the user if there is one. */
  private async lists({ source, table, columns }: Opened): Promise<void> {
    const { items, user } = columns
    if (items === undefined)
      throw usage(`${source.label} has no columns user and item, nor items: say which they are with --columns`)
    for await (const rows of table.rows(user === undefined ? [items] : [items, user])) {
      for (const { row, values } of rows) {
        const [list, owner] = values
        if (!Array.isArray(list)) throw new RowFault(row, 'items is no list')
        const name = user === undefined ? String(++this.owners) : idOf(owner, 'user', row)
        await this.line(
          name,
          list.map((item) => idOf(item, 'item', row)),
        )
      }
    }
  }

  private async line(user: string, items: readonly string[]): Promise<void> {
    if (!items.length) return
    this.lines.push(joinIds(this.format === 'sets' ? [user, ...items] : items))
    if (this.lines.length >= 1024) await this.flush()
  }

  private async flush(): Promise<void> {
    const { lines } = this
    this.lines = []
    if (lines.length) await this.file.write(lines)
  }
}

async function located(error: unknown, { source, table }: Opened): Promise<never> {
  throw error instanceof RowFault ? rowError(source, await table.place(error.row), error.message) : error
}

function idOf(value: unknown, what: string, row: number): string {
  const id = value instanceof Date ? value.toISOString() : value === null || value === undefined ? '' : String(value)
  if (!id) throw new RowFault(row, `the row has no ${what}`)
  if (/[\t\n\r]/.test(id)) throw new RowFault(row, `the ${what} ${JSON.stringify(id)} holds a tab or a line break`)
  return id
}

/** A number, or a date, as milliseconds. */
function timeOf(value: unknown, row: number): number {
  const empty = value === null || value === undefined || value === ''
  const number = value instanceof Date ? value.getTime() : Number(value)
  const time = Number.isNaN(number) && typeof value === 'string' ? Date.parse(value) : number
  if (empty || !Number.isFinite(time)) {
    throw new RowFault(
      row,
      `the time ${String(value ?? '')} is neither a number nor a date such as 2026-05-31T10:00:00Z`,
    )
  }
  return time
}

function usage(message: string): WideheadError {
  return new WideheadError('WIDEHEAD_USAGE', message)
}
