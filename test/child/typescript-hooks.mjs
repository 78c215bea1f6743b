// Module hooks (https://nodejs.org/api/module.html#customization-hooks): './x.js' may be './x.ts', whose types are stripped.
// The compiler takes a second to load, so what it made of a source is kept under that source's hash.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const cache = new URL('../../node_modules/.cache/widehead-test/', import.meta.url)

export async function resolve(specifier, context, next) {
  if (context.parentURL?.endsWith('.ts') && /^\.{1,2}\/.*\.js$/.test(specifier)) {
    try {
      return await next(specifier.replace(/\.js$/, '.ts'), context)
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    }
  }
  return next(specifier, context)
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context)
  return { format: 'module', source: await stripped(await readFile(fileURLToPath(url), 'utf8')), shortCircuit: true }
}

async function stripped(source) {
  const kept = new URL(`${createHash('sha256').update(source).digest('hex')}.mjs`, cache)
  try {
    return await readFile(kept, 'utf8')
  } catch {
    const { default: ts } = await import('typescript')
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
    const { outputText } = ts.transpileModule(source, { compilerOptions })
    await mkdir(cache, { recursive: true })
    const written = new URL(`${process.pid}-${Math.random()}.tmp`, cache)
    await writeFile(written, outputText)
    await rename(written, kept)
    return outputText
  }
}
