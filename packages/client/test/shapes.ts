/** The components that tests and transcripts speak of, as a generated file would have them. */

import { type Component, component, type Windowed } from '@fluxstack/client'

export interface CounterShape {
  props: { count: number }
  state: { count: number; readonly step?: number }
  writable: Record<never, never>
  actions: {
    increment(): void
    add(args: { by: number }): number
    fail(args: { field: string }): void
    explode(): void
  }
  event: never
}
export const Counter: Component<CounterShape> = component<CounterShape>('Counter')

export interface Todo {
  id: number
  text: string
  done: boolean
}
export interface TodosShape {
  props: Record<never, never>
  state: { items: Todo[]; total: number }
  writable: Record<never, never>
  actions: {
    push(args: { text: string }): void
    toggle(args: { id: number }): void
    remove(args: { id: number }): void
    clear(): void
  }
  event: never
}
export const Todos: Component<TodosShape> = component<TodosShape>('Todos')

export interface CartShape {
  props: Record<never, never>
  state: { lines: Record<string, number> }
  writable: Record<never, never>
  actions: { put(args: { sku: string; quantity: number }): void; drop(args: { sku: string }): void }
  event: never
}
export const Cart: Component<CartShape> = component<CartShape>('Cart')

export interface ProfileShape {
  props: Record<never, never>
  state: { name: string; saved: number }
  writable: { name: string }
  actions: { save(): void }
  event: never
}
export const Profile: Component<ProfileShape> = component<ProfileShape>('Profile')

export interface BellShape {
  props: Record<never, never>
  state: { rings: number }
  writable: Record<never, never>
  actions: { ring(): void }
  event: { type: 'rang'; times: number }
}
export const Bell: Component<BellShape> = component<BellShape>('Bell')

export interface Row {
  id: number
  text: string
}
export interface LedgerShape {
  props: Record<never, never>
  state: { rows: Windowed<Row>; short: Row[]; changes: number }
  writable: Record<never, never>
  actions: { add(args: { text: string }): number; remove(args: { id: number }): void }
  event: never
}
export const Ledger: Component<LedgerShape> = component<LedgerShape>('Ledger')

declare module '@fluxstack/client' {
  interface Components {
    Counter: CounterShape
    Todos: TodosShape
    Bell: BellShape
  }
}
