// A folder as a reader of the documents would have it: widehead installed, small data under the names that the documents use.

import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { CORPORA } from '../cli/helpers.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const environment = join(root, 'test/docs/environment.mjs')

export class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), 'widehead-docs-'))

  constructor() {
    const modules = join(this.folder, 'node_modules')
    mkdirSync(join(modules, '.bin'), { recursive: true })
    symlinkSync(root, join(modules, 'widehead'), 'junction')
    const program = `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'dist/cli/main.js')}" "$@"\n`
    writeFileSync(join(modules, '.bin/widehead'), program, { mode: 0o755 })
    for (const name of ['@tensorflow', '@types']) symlinkSync(join(root, 'node_modules', name), join(modules, name))
    this.write('package.json', '{ "name": "reader", "type": "module", "private": true }')
    this.writeData()
  }

  private writeData(): void {
    const sets = CORPORA.sets.split('\n')
    for (const name of ['train.txt', 'valid.txt', 'test.txt']) this.write(name, sets.join('\n'))
    this.write('lines', sets.slice(0, 5).join('\n'))
    const pairs = sets.flatMap((line) => {
      const [user, ...items] = line.split(' ')
      return items.map((item) => [user, item])
    })
    this.write('ratings.csv', ['userId,movieId,rating', ...pairs.map((pair) => `${pair},4.5`)].join('\n'))
    for (const part of [0, 1]) {
      const half = pairs.filter((_, i) => i % 2 === part)
      const columnData = [
        { name: 'user', data: half.map(([user]) => user) },
        { name: 'item', data: half.map(([, item]) => item) },
        { name: 'time', data: half.map((_, i) => 2 * i + part) },
      ]
      this.write(`part-${part}.parquet`, new Uint8Array(parquetWriteBuffer({ columnData })))
    }
  }

  /** Models under the names of which documents say that they are there. */
  async train(...names: string[]): Promise<void> {
    const [first, ...others] = names
    const options = '--format sets --train train.txt --valid valid.txt --hidden 8 --epochs 1'
    await this.shell(`npx widehead train ${options} --out ${first}`)
    for (const name of others) cpSync(join(this.folder, first), join(this.folder, name), { recursive: true })
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.folder, name), content)
  }

  remove(name: string): void {
    rmSync(join(this.folder, name), { recursive: true, force: true })
  }

  /** Runs a command as it stands. Rejects, with what it printed, if it fails. */
  async shell(command: string): Promise<void> {
    await promisify(execFile)('sh', ['-e', '-c', command], { cwd: this.folder })
  }

  async run(name: string, text: string): Promise<void> {
    this.write(name, text)
    await promisify(execFile)(process.execPath, ['--import', environment, name], { cwd: this.folder })
  }

  /** Types, as a reader's editor would check them. */
  async checkTypes(name: string): Promise<void> {
    const options = '--noEmit --strict --target es2022 --module nodenext --lib es2023,esnext.disposable --types node'
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    await promisify(execFile)(process.execPath, [tsc, ...options.split(' '), name], { cwd: this.folder })
  }

  leave(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
