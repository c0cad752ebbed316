// Generated from the Rust components. Do not edit: run `cargo xtask types`.
import { component, type Component } from '@fluxstack/client'

/** Where it starts. */
export interface CounterProps {
  /** The first count. */
  count?: number
}

/** What happens to a profile. */
export interface ProfileEvent {
  type: 'saved'
  /** How often by now. */
  times: number
}

/** One thing to do. */
export interface Todo {
  /** Never given twice. */
  id: number
  /** What is to be done. */
  text: string
  /** Whether it is. */
  done: boolean
}

/** The server's time, pushed once a second, and a stopwatch. */
export interface ClockShape {
  props: Record<string, never>
  state: {
    /** Milliseconds since 1970. */
    now: number
    /** Seconds since it was mounted. */
    ticks: number
    /** Whether the stopwatch runs. */
    running: boolean
    /** Tenths of a second on the stopwatch. */
    tenths: number
  }
  writable: {}
  actions: {
    /** Starts the stopwatch, or stops it. */
    toggle(): void
    /** Sets the stopwatch to zero. */
    clear(): void
  }
  event: never
}
export const Clock: Component<ClockShape> = component<ClockShape>('Clock')

/** Counts up and down. */
export interface CounterShape {
  props: CounterProps
  state: {
    /** The count. */
    count: number
    /** How often it was changed, since version 2. */
    changes: number
  }
  writable: {}
  actions: {
    /** One more. */
    increment(): number
    /** One less. */
    decrement(): number
    /** Back to where it started. */
    reset(): void
  }
  event: never
}
export const Counter: Component<CounterShape> = component<CounterShape>('Counter', 2)

/** A name and an address, checked as they are typed. */
export interface ProfileShape {
  props: Record<string, never>
  state: {
    /** At most 30 characters. */
    name: string
    /** Has to look like an address, or be empty. */
    email: string
    /** Between 0 and 100. */
    volume: number
    /** Made by the server of what was written. */
    greeting: string
    /** How often it was saved. */
    saved: number
  }
  writable: {
    name: string
    email: string
    volume: number
  }
  actions: {
    /** Saves it, if it is complete. */
    save(): number
  }
  event: ProfileEvent
}
export const Profile: Component<ProfileShape> = component<ProfileShape>('Profile')

/** A list of things to do. */
export interface TodosShape {
  props: Record<string, never>
  state: {
    /** The rows, newest first. */
    items: Array<Todo>
    /** How many are not done. */
    open: number
  }
  writable: {}
  actions: {
    /** Adds a row on top. */
    add(args: { text: string }): number
    /** Ticks a row off, or on again. */
    toggle(args: { id: number }): void
    /** Removes a row. */
    remove(args: { id: number }): void
    /** Removes every row that is done, and answers how many there were. */
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
