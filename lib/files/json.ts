// JSON of a file that nobody vouches for: JSON.parse takes any depth, but what walks over the result afterwards does not.

import { badFile } from './safetensors.js'

/** Far more than any file of ours has, far less than a stack holds. */
const DEEPEST = 64

/** `what` is how errors call it; `deepest` the levels of brackets it may have. */
export function parseJson(path: string, what: string, text: string, deepest = DEEPEST): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw badFile(path, `${what} no JSON`)
  }
  if (depth(text) > deepest) throw badFile(path, `${what} nested more than ${deepest} levels deep`)
  return parsed
}

/** How deep the brackets of valid JSON go. */
function depth(text: string): number {
  let [deepest, level, inString] = [0, 0, false]
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++level)
    else if (character === '}' || character === ']') level--
  }
  return deepest
}

/** A value as an error message shows it. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
