// Runs a TypeScript file of this folder in a process of its own.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Ended {
  /** Exit status; null if a signal ended the process. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** `flags` are Node's, `args` the script's. */
export function runChild(
  script: string,
  env: Record<string, string> = {},
  flags: string[] = [],
  args: string[] = [],
): Promise<Ended> {
  const register = new URL('./typescript.mjs', import.meta.url).href
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...flags, '--import', register, path, ...args], {
    env: { ...process.env, ...env },
  })
  const ended: Ended = { code: null, signal: null, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    ended.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    ended.stderr += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...ended, code, signal }))
  })
}

/** What the script wrote to standard output, as JSON; an error with all it wrote to standard error if it failed. */
export async function runForJson<T>(
  script: string,
  env: Record<string, string> = {},
  flags: string[] = [],
  args: string[] = [],
): Promise<T> {
  const { code, signal, stdout, stderr } = await runChild(script, env, flags, args)
  if (code !== 0) throw new Error(`${script} ended with status ${code}, signal ${signal}:\n${stderr}`)
  return JSON.parse(stdout) as T
}
