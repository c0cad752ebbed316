/**
 * Names of values within values: `email`, `address.city`, `lines.0.amount`, as the server names what is wrong.
 */

/** What has no names within. */
type Leaf = string | number | boolean | bigint | null | undefined | ((...args: never[]) => unknown)

/** Names within `T`, down to three steps below the first; deeper ones are any text. */
export type FieldPath<T, D extends readonly 0[] = []> = D['length'] extends 3
  ? string
  : T extends readonly (infer Item)[]
    ? `${number}` | Below<`${number}`, Item, D>
    : { [K in keyof T & string]: K | Below<K, T[K], D> }[keyof T & string]

type Below<P extends string, V, D extends readonly 0[]> =
  NonNullable<V> extends Leaf ? never : `${P}.${FieldPath<NonNullable<V>, [...D, 0]>}`

/** What is at a name within `T`. */
export type ValueAt<T, P extends string> = T extends readonly (infer Item)[]
  ? P extends `${number}.${infer Rest}`
    ? ValueAt<NonNullable<Item>, Rest>
    : Item
  : P extends keyof T
    ? T[P]
    : P extends `${infer K}.${infer Rest}`
      ? K extends keyof T
        ? ValueAt<NonNullable<T[K]>, Rest>
        : unknown
      : unknown

/** The value at a path; nothing where there is none. */
export function valueAt(values: unknown, path: string): unknown {
  let value = values
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

/** The same values with another one at a path. What is beside the path stays the same. */
export function withValueAt<T>(values: T, path: string, value: unknown): T {
  const at = path.indexOf('.')
  const step = at < 0 ? path : path.slice(0, at)
  const before = valueAt(values, step)
  const next = at < 0 ? value : withValueAt(before ?? {}, path.slice(at + 1), value)
  if (before === next && next !== undefined) return values
  if (Array.isArray(values)) {
    const index = Number(step)
    return values.map((item, i) => (i === index ? next : item)) as T
  }
  return { ...values, [step]: next }
}
