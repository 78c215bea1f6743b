// Small tables as files, and what they become.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { FormatName } from '../../../lib/data/formats/format.js'
import type { Source } from '../../../lib/data/source.js'
import type { GivenColumns } from '../../../lib/data/tables/columns.js'
import { convertTables } from '../../../lib/data/tables/convert.js'
import { temporaryFolder } from '../helpers.js'

type ParquetOptions = Omit<Parameters<typeof parquetWriteBuffer>[0], 'columnData'>

export class Tables {
  readonly folder = temporaryFolder()

  file(name: string, content: string | Uint8Array): Source {
    const path = join(this.folder, name)
    writeFileSync(path, content)
    return { path, label: name }
  }

  parquet(name: string, columns: Record<string, unknown[]>, options: ParquetOptions = {}): Source {
    const columnData = Object.entries(columns).map(([column, data]) => ({ name: column, data }))
    return this.file(name, new Uint8Array(parquetWriteBuffer({ columnData, ...options })))
  }

  newFolder = async () => mkdtempSync(join(this.folder, 'temporary-'))

  /** The lines that tables become, in any order of their users. */
  async lines(format: FormatName, sources: Source[], columns?: GivenColumns): Promise<string[]> {
    const converted = await convertTables(sources, format, columns, this.newFolder)
    const texts = await Promise.all(converted.map(({ path }) => readFile(path, 'utf8')))
    const lines = texts.join('').split('\n').slice(0, -1)
    return format === 'text' ? lines : lines.sort()
  }
}
