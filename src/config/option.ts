/** An option of `sessiond serve`, with a value of type `T`. */
export type Option<T> = {
  /** The flag is `--NAME`, the variable `SESSIOND_NAME`, the key in a `--config` file `NAME`. */
  readonly name: string
  /** The name of the value in `--help`, with its unit. */
  readonly placeholder: string
  readonly help: string
  /** A comma-separated list. The flag may be repeated, and a file may hold an array. */
  readonly isList?: true
  /** The value of the flag when none follows it. */
  readonly bare?: string
  /** Throws an Error that says what a correct value looks like. */
  readonly parse: ((text: string) => T) & {
    /** The texts of a closed set, which shells complete. */
    readonly choices?: readonly string[]
  }
} & (
  | { readonly default: string | InDataDir }
  /** The value of an option that is not given and has no default. */
  | { readonly unset: T }
)

/** A default that is a file in the data directory. */
export interface InDataDir {
  readonly inDataDir: string
}

/** Infers `T`. */
export const option = <T>(option: Option<T>): Option<T> => option

/** The values of a table's options, by key. */
export type ValuesOf<Table> = {
  readonly [K in keyof Table]: Table[K] extends Option<infer T> ? T : never
}

/** The environment variable of an option. */
export function variableOf(name: string): string {
  return `SESSIOND_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The default as `--help` and docs/options.md show it; undefined if there is none. */
export function defaultText(option: Option<unknown>): string | undefined {
  if ('unset' in option) {
    return undefined
  }
  const { default: fallback } = option
  return typeof fallback === 'string' ? fallback : `${fallback.inDataDir} in the data directory`
}
