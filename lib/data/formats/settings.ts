// Settings of a format, and options of a head: their defaults, and checking values from a command line or a saved configuration.

import type { Format, Setting, Settings, SettingValue } from './format.js'

/** Why `value` cannot be this setting, or undefined. */
export function settingFault(setting: Omit<Setting, 'default'>, value: unknown): string | undefined {
  const { kind, choices, minimum = -Infinity, maximum = Infinity } = setting
  if (kind === 'flag') return typeof value === 'boolean' ? undefined : 'must be true or false'
  if (kind === 'choice') return choices?.includes(value as string) ? undefined : `must be one of ${choices?.join(', ')}`
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number'
  if (kind === 'integer' && !Number.isSafeInteger(value)) return 'must be a whole number'
  if (value < minimum) return `must be at least ${minimum}`
  return value > maximum ? `must be at most ${maximum}` : undefined
}

/** The format's settings with those given; `refuse` is called for one that is unknown or cannot be. */
export function completeSettings(
  format: Format,
  given: Readonly<Record<string, unknown>>,
  refuse: (name: string, fault: string) => Error,
): Settings {
  for (const name of Object.keys(given)) {
    if (!format.settings.some((setting) => setting.name === name)) {
      throw refuse(name, `is no setting of the format ${format.name}`)
    }
  }
  const complete: Record<string, SettingValue> = {}
  for (const setting of format.settings) {
    const value = given[setting.name] ?? setting.default
    const fault = settingFault(setting, value)
    if (fault) throw refuse(setting.name, `${fault}, got ${JSON.stringify(value)}`)
    complete[setting.name] = value as SettingValue
  }
  return complete
}
