// Parquet files, read by hyparquet, which only those who have such files need to install. A group of rows at a time is in
// memory, and of it the columns that are used.

import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { Compressors } from 'hyparquet'
import { WideheadError } from '../../errors.js'
import { fileError, type Source } from '../source.js'
import type { Table, TableRow } from './table.js'

type Library = typeof import('hyparquet')

export async function openParquet(source: Source): Promise<Table> {
  const library = await load()
  const damaged = (error: unknown) => readError(source, error)
  const file = await library.asyncBufferFromFile(source.path).catch((error) => {
    throw fileError(`cannot read ${source.label}`, error)
  })
  const metadata = await library.parquetMetadataAsync(file).catch(damaged)
  const columns = library.parquetSchema(metadata).children.map(({ element }) => element.name)
  const compressors = await decompressors()

  async function* rows(places: readonly number[]): AsyncGenerator<TableRow[]> {
    const names = places.map((place) => columns[place])
    let start = 0
    for (const { num_rows } of metadata.row_groups) {
      const rowStart = start
      start += Number(num_rows)
      const options = { file, metadata, compressors, columns: names, rowStart, rowEnd: start }
      const read = await library.parquetReadObjects(options).catch(damaged)
      yield read.map((row, i) => ({ row: rowStart + i + 1, values: names.map((name) => row[name]) }))
    }
  }
  return { columns, rows, place: async (row) => row }
}

async function load(): Promise<Library> {
  return await import('hyparquet').catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new WideheadError('WIDEHEAD_USAGE', 'Parquet files need the package hyparquet: npm install hyparquet', {
      cause: error,
    })
  })
}

/** Node's own and, if it is installed, those of hyparquet-compressors; hyparquet itself knows Snappy. */
async function decompressors(): Promise<Compressors> {
  const name = 'hyparquet-compressors' // a variable, so that the compiler does not ask for the package
  const more = await import(name).then(
    (module: { compressors: Compressors }) => module.compressors,
    () => ({}),
  )
  return { ...more, GZIP: (bytes) => gunzipSync(bytes), BROTLI: (bytes) => brotliDecompressSync(bytes) }
}

function readError(source: Source, error: unknown): never {
  const { message } = error as Error
  const hint = /codec/.test(message) ? ': npm install hyparquet-compressors' : ''
  throw new WideheadError('WIDEHEAD_FILE', `cannot read ${source.label}: ${message}${hint}`, { cause: error })
}
