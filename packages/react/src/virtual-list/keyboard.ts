/**
 * Which row a key leads to.
 */

/** As much of a key as is needed here. */
export interface Key {
  readonly key: string
  readonly altKey: boolean
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly target: unknown
}

/** Where one stands. */
export interface Standing {
  readonly index: number
  readonly length: number
  /** How many rows are in view. */
  readonly page: number
  readonly horizontal: boolean
}

/** What somebody types into keeps its keys. */
const FIELDS = /^(INPUT|TEXTAREA|SELECT)$/

/**
 * The row that a key leads to; undefined if it leads nowhere.
 *
 * @example
 * rowAfter(event, { index: 4, length: 10, page: 3, horizontal: false }) // 5 for ArrowDown, 7 for PageDown
 */
export function rowAfter(event: Key, { index, length, page, horizontal }: Standing): number | undefined {
  if (event.altKey || event.metaKey || length === 0 || isField(event.target)) return undefined
  const steps: Record<string, number> = {
    [horizontal ? 'ArrowRight' : 'ArrowDown']: 1,
    [horizontal ? 'ArrowLeft' : 'ArrowUp']: -1,
    PageDown: Math.max(1, page),
    PageUp: -Math.max(1, page),
    Home: -length,
    End: length,
  }
  const step = steps[event.key]
  // With Ctrl there are only the first and the last.
  if (step === undefined || (event.ctrlKey && Math.abs(step) !== length)) return undefined
  return Math.min(Math.max(index + step, 0), length - 1)
}

function isField(target: unknown): boolean {
  const { nodeName = '', isContentEditable = false } = (target ?? {}) as Partial<HTMLElement>
  return isContentEditable || FIELDS.test(nodeName)
}
