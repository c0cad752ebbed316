// Generated from the Rust components. Do not edit: run `cargo xtask types`.
import { component, type Component } from '@fluxstack/client'

/** What happens in a chat, and is not kept. */
export type ChatEvent =
  | {
      type: 'typing'
      /** Their key. */
      who: string
    }
  | {
      type: 'announced'
      /** What. */
      text: string
      /** What they call themselves. */
      by: string
    }

/** Which chat it is. */
export interface ChatProps {
  /** The name of the room, in small letters, digits and hyphens. */
  room: string
}

/** Where it starts. */
export interface CounterProps {
  /** The first count. */
  count?: number
}

/** A place on the field, in thousandths of its width and height. */
export interface Cursor {
  /** From the left. */
  x: number
  /** From the top. */
  y: number
}

/** Something that was said. */
export interface Message {
  /** Never given twice in a room. */
  id: number
  /** By whom: their key in [`Chat::online`], then. */
  from: string
  /** What they called themselves. */
  name: string
  /** What they said. */
  text: string
  /** Milliseconds since 1970. */
  at: number
}

/** Somebody who is there. */
export interface Present<T> {
  /** Milliseconds since 1970 when they entered; with several sessions, when the first of them did. */
  since: number
  /** What they entered with, or changed it to. */
  with: T
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

/** Somebody, as the others see them. */
export interface Visitor {
  /** What they call themselves. */
  name: string
  /** Whether they may do what moderators may. */
  moderator: boolean
}

/** People who talk. */
export interface ChatShape {
  props: ChatProps
  state: {
    /** What it is about. */
    topic: string
    /** What was said, the newest last. */
    messages: Array<Message>
    /** Who is here. */
    online: Readonly<Record<string, Present<Visitor>>>
  }
  writable: {}
  actions: {
    /** The caller is here, under this name. Answers the key by which the others know them. */
    introduce(args: { name: string }): string
    /** Says something to everybody here. */
    say(args: { text: string }): number
    /** The caller types. Told to everybody here, and forgotten. */
    typing(): void
    /** Says what it is about from now on. */
    turnTo(args: { topic: string }): void
    /** Takes back everything that was said here. */
    clear(): void
    /** Says something to everybody, in whichever room they talk. */
    announce(args: { text: string }): void
  }
  event: ChatEvent
}
export const Chat: Component<ChatShape> = component<ChatShape>('Chat')

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

/** Where everybody points. */
export interface CursorsShape {
  props: Record<string, never>
  state: {
    /** Who is here, with or without a cursor on the field. */
    online: Readonly<Record<string, Present<Visitor>>>
    /**
     * Where they point, by the key they are here with. A pointer moves more often than a screen is drawn: what
     * moves within a frame is sent together.
     */
    cursors: Record<string, Cursor>
  }
  writable: {}
  actions: {
    /** The caller is here, under this name. Answers the key of their cursor. */
    introduce(args: { name: string }): string
    /** The caller points there. */
    point(args: { x: number; y: number }): void
    /** The caller points elsewhere, outside of the field. */
    lift(): void
  }
  event: never
}
export const Cursors: Component<CursorsShape> = component<CursorsShape>('Cursors')

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

/** Counts for all at once: there is one of it. */
export interface TallyShape {
  props: Record<string, never>
  state: {
    /** The count. */
    count: number
    /** Who looks at it. */
    online: Readonly<Record<string, Present<Visitor>>>
  }
  writable: {}
  actions: {
    /** The caller is here, under this name. Answers the key by which the others know them. */
    introduce(args: { name: string }): string
    /** One more. */
    increment(): number
    /** One less. */
    decrement(): number
  }
  event: never
}
export const Tally: Component<TallyShape> = component<TallyShape>('Tally')

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
    Chat: ChatShape
    Clock: ClockShape
    Counter: CounterShape
    Cursors: CursorsShape
    Profile: ProfileShape
    Tally: TallyShape
    Todos: TodosShape
  }
}
