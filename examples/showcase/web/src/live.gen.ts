// Generated from the Rust components. Do not edit: run `cargo xtask types`.
import { type Component, component } from '@fluxstack/client'

export interface ClockShape {
  props: Record<never, never>
  state: { now: number; ticks: number; running: boolean; tenths: number }
  writable: Record<never, never>
  actions: { toggle(): void; clear(): void }
  event: never
}
export const Clock: Component<ClockShape> = component<ClockShape>('Clock')

export interface CounterProps {
  count?: number
}
export interface CounterShape {
  props: CounterProps
  state: { count: number }
  writable: Record<never, never>
  actions: { increment(): number; decrement(): number; reset(): void }
  event: never
}
export const Counter: Component<CounterShape> = component<CounterShape>('Counter')

export type ProfileEvent = { type: 'saved'; times: number }
export interface ProfileShape {
  props: Record<never, never>
  state: { name: string; email: string; volume: number; greeting: string; saved: number }
  writable: { name: string; email: string; volume: number }
  actions: { save(): number }
  event: ProfileEvent
}
export const Profile: Component<ProfileShape> = component<ProfileShape>('Profile')

export interface Todo {
  id: number
  text: string
  done: boolean
}
export interface TodosShape {
  props: Record<never, never>
  state: { items: Todo[]; open: number }
  writable: Record<never, never>
  actions: {
    add(args: { text: string }): number
    toggle(args: { id: number }): void
    remove(args: { id: number }): void
    clearDone(): number
  }
  event: never
}
export const Todos: Component<TodosShape> = component<TodosShape>('Todos')

declare module '@fluxstack/client' {
  interface Components {
    Clock: ClockShape
    Counter: CounterShape
    Profile: ProfileShape
    Todos: TodosShape
  }
}
