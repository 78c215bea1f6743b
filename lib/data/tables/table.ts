// A table: a file of rows and columns, CSV or Parquet, told by the end of its name.

import { WideheadError } from '../../errors.js'
import type { Source } from '../source.js'
import { openCsv } from './csv.js'
import { openParquet } from './parquet.js'

export interface TableRow {
  /** Its number, from 1. */
  row: number
  /** The values of the columns asked for, in that order. */
  values: readonly unknown[]
}

export interface Table {
  /** In order; of a file without a header the values of its first row. */
  readonly columns: readonly string[]
  /** All rows, a number of them at a time; once. */
  rows(columns: readonly number[]): AsyncGenerator<TableRow[]>
  /** Where a row is, as errors say it: its line in the file (CSV) or its number (Parquet). */
  place(row: number): Promise<number>
}

/** A fault of a row whose place is yet to be told. */
export class RowFault extends Error {
  constructor(
    readonly row: number,
    fault: string,
  ) {
    super(fault)
  }
}

export type TableKind = 'csv' | 'parquet'

/** undefined: a file of lines. With `columns` given, what is no Parquet file is CSV, whatever its name. */
export function tableKind({ label }: Source, columns: object | undefined): TableKind | undefined {
  if (/\.parquet$/i.test(label)) return 'parquet'
  return columns || /\.(csv|tsv)(\.gz)?$/i.test(label) ? 'csv' : undefined
}

/** `header`: whether the first row of a CSV file names its columns. */
export function openTable(source: Source, kind: TableKind, header: boolean): Promise<Table> {
  return kind === 'csv' ? openCsv(source, header) : openParquet(source)
}

export function rowError(source: Source, place: number, fault: string): WideheadError {
  return new WideheadError('WIDEHEAD_DATA', `${source.label}:${place}: ${fault}`)
}
