// Objects that callers give, reduced to the fields that are asked for.

/** Those of these fields that `value` has, as its own or inherited; each is read once. */
export function fieldsOf<T extends object>(value: T, names: readonly (keyof T)[]): Partial<T> {
  const found: Partial<T> = {}
  for (const name of names) {
    const field = value[name]
    if (field !== undefined) found[name] = field
  }
  return found
}
