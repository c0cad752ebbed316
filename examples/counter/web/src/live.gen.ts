// Generated from the Rust components. Do not edit: run `cargo xtask types`.
import { component, type Component } from '@fluxstack/client'

/** Counts clicks. Each mount gets its own. */
export interface CounterShape {
  props: Record<string, never>
  state: {
    count: number
  }
  writable: {}
  actions: {
    /** Adds to the count. */
    add(args: { by: number }): void
  }
  event: never
}
export const Counter: Component<CounterShape> = component<CounterShape>('Counter')

declare module '@fluxstack/client' {
  interface Components {
    Counter: CounterShape
  }
}
