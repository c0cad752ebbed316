/**
 * Mounting below the fold only what is about to be seen.
 *
 * A long page may have a hundred components of which a screen shows five; the others cost the server an instance
 * each. What must stay true: a server and a page's first render show the fallback, so that they agree; and where the
 * browser cannot say what is visible, everything is.
 */

import { type ComponentProps, type CSSProperties, type ReactNode, useCallback, useRef, useState } from 'react'

/** When something counts as visible. */
export interface VisibleOptions {
  /** How far from the edge of the screen it may be, as `margin` in CSS. Default `200px`. */
  readonly rootMargin?: string
  /** Whether it stays visible once it was. Default true. */
  readonly keep?: boolean
}

/** What {@link LiveWhenVisible} takes, and what else a `div` takes. */
export interface LiveWhenVisibleProps extends VisibleOptions, Omit<ComponentProps<'div'>, 'ref'> {
  /** What is mounted when it is about to be seen. */
  readonly children: ReactNode
  /** What stands in its place until then: as high as what is coming, best, so that the page does not jump. */
  readonly fallback?: ReactNode
}

type Hear = (isVisible: boolean, height: number) => void

/** One observer for all that have the same margin. */
interface Watch {
  readonly observer: IntersectionObserver
  readonly elements: Map<Element, Hear>
}

const watches = new Map<string, Watch>()

/** Hears whether an element is near the screen, until what it returns is called. */
function watch(element: Element, rootMargin: string, hear: Hear): () => void {
  const { elements, observer } = watches.get(rootMargin) ?? begin(rootMargin)
  elements.set(element, hear)
  observer.observe(element)
  return () => {
    observer.unobserve(element)
    elements.delete(element)
    if (elements.size > 0) return
    observer.disconnect()
    watches.delete(rootMargin)
  }
}

function begin(rootMargin: string): Watch {
  const elements = new Map<Element, Hear>()
  const observer = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting, boundingClientRect } of changes) {
        elements.get(target)?.(isIntersecting, boundingClientRect.height)
      }
    },
    { rootMargin },
  )
  const made = { observer, elements }
  watches.set(rootMargin, made)
  return made
}

/**
 * Whether an element is on the screen, or near it: for the `ref` of the element, and for what depends on it.
 *
 * @example
 * const [ref, isVisible] = useVisible<HTMLElement>()
 * return <section ref={ref}>{isVisible && <Chart />}</section>
 */
export function useVisible<E extends Element>({
  rootMargin = '200px',
  keep = true,
}: VisibleOptions = {}): readonly [ref: (element: E | null) => (() => void) | undefined, isVisible: boolean] {
  const [isVisible, setVisible] = useState(false)
  return [useWatch<E>(rootMargin, keep, setVisible), isVisible]
}

/** A `ref` that says whether its element is visible. */
function useWatch<E extends Element>(
  rootMargin: string,
  keep: boolean,
  hear: Hear,
): (element: E | null) => (() => void) | undefined {
  const wasSeen = useRef(false)
  return useCallback(
    (element: E | null) => {
      if (!element) return undefined
      if (!globalThis.IntersectionObserver) {
        hear(true, 0)
        return undefined
      }
      let leave = (): void => undefined
      // What was seen and is kept need not be watched any more.
      if (keep && wasSeen.current) return leave
      leave = watch(element, rootMargin, (isVisible, height) => {
        if (isVisible) wasSeen.current = true
        hear(isVisible, height)
        if (isVisible && keep) leave()
      })
      return () => leave()
    },
    [rootMargin, keep, hear],
  )
}

/**
 * Mounts what is in it when it is about to be seen; with `keep={false}`, only as long as it is. What is not seen keeps its
 * place: the height it had, or that of the fallback. What is far away cannot be found by a search in the page.
 *
 * @example
 * <LiveWhenVisible rootMargin="400px" fallback={<p style={{ height: 240 }} />}>
 *   <OrderBook symbol="TEA" />
 * </LiveWhenVisible>
 */
export function LiveWhenVisible({
  rootMargin = '200px',
  keep = true,
  fallback,
  children,
  style,
  ...rest
}: LiveWhenVisibleProps): ReactNode {
  const [{ isVisible, height }, see] = useState({ isVisible: false, height: 0 })
  const hear = useCallback<Hear>(
    (isVisible, height) =>
      // The height that what was visible had, until it is visible again.
      see((last) => ({ isVisible, height: last.isVisible && !isVisible ? height : last.height })),
    [],
  )
  const ref = useWatch<HTMLDivElement>(rootMargin, keep, hear)
  const place: CSSProperties | undefined = !isVisible && height > 0 ? { ...style, minHeight: height } : style
  return (
    <div {...rest} ref={ref} style={place}>
      {isVisible ? children : fallback}
    </div>
  )
}
