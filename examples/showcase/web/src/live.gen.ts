// Generated from the Rust components. Do not edit: run `cargo xtask types`.
import { component, type Component, type Form, type UploadState, type Windowed } from '@fluxstack/client'

/** What somebody fills in. */
export interface Account {
  /** Where to write to. */
  email: string
  /** How to address them. */
  name: string
  /** In years. */
  age?: number | null
  /** What they want to pay for. */
  plan: Plan
  /** Whether they want to hear from us. */
  newsletter: boolean
}

/** A parcel that is here, as the server has it. */
export interface Arrived {
  /** Its file in the storage. */
  key: string
  /** What the file is called. */
  name: string
  /** In bytes. */
  size: number
  /** What the server made of all its bytes: SHA-256, in hexadecimal. */
  sha256: string
  /** Where whoever has this gets the file. */
  link: string
  /** Until when, in milliseconds since 1970. */
  until: number
}

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

/** One entry. */
export interface Entry {
  /** Never given twice. */
  id: number
  /** What it is for. */
  label: string
  /** What is to be said about it, which may be nothing or a lot. */
  note: string
  /** In cents; what was spent is below 0. */
  amount: number
}

/** What an easel tells the gallery. */
export interface GalleryEvent {
  type: 'hung'
  /** This one. */
  picture: Picture
}

/** A line of the bill. */
export interface Item {
  /** What it is. */
  name: string
  /** In cents, for one. */
  price: number
  /** How many. */
  quantity: number
}

/** What a ledger is opened with. */
export interface LedgerProps {
  /** How many rows it starts with; a hundred thousand if nothing is said. */
  rows?: number | null
  /** Whoever says the same name shares one ledger; without a name it is one's own. */
  name?: string | null
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

/** A note. */
export interface Note {
  /** Made by the page, or by the server if the page had none. */
  id: string
  /** What it says. */
  text: string
}

/** Which notebook it is. */
export interface NotebookProps {
  /** Its name. */
  name?: string
}

/** A picture that somebody hung. */
export interface Picture {
  /** Its file in the storage. */
  key: string
  /** Where a page gets it. */
  url: string
  /** What the file was called. */
  name: string
  /** What whoever hung it called themselves. */
  by: string
  /** In bytes. */
  size: number
}

/** What can be had. */
export type Plan = 'free' | 'solo' | 'team'

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

/** Pictures on their way to the wall. */
export interface EaselShape {
  props: Record<string, never>
  state: {
    /** Those that are being sent. */
    pictures: UploadState
    /** How many this visitor has hung. */
    hung: number
  }
  writable: {}
  actions: {
    /** The caller hangs pictures under this name. Answers the name. */
    introduce(args: { name: string }): string
  }
  event: never
}
export const Easel: Component<EaselShape> = component<EaselShape>('Easel')

/** What hangs on the wall. */
export interface GalleryShape {
  props: Record<string, never>
  state: {
    /** The newest first. */
    pictures: Array<Picture>
  }
  writable: {}
  actions: {
    /** Takes a picture down. */
    takeDown(args: { key: string }): void
  }
  event: GalleryEvent
}
export const Gallery: Component<GalleryShape> = component<GalleryShape>('Gallery')

/** A ledger that is read in part. */
export interface LedgerShape {
  props: LedgerProps
  state: {
    /** The entries, newest first. */
    rows: Windowed<Entry>
    /** Whether it changes by itself. */
    ticking: boolean
    /** What has been done to it so far. */
    changes: number
  }
  writable: {}
  actions: {
    /** Adds an entry at the top, and answers its id. */
    add(args: { label: string }): number
    /** Adds an entry at a place, or at the end, and answers its id. */
    insert(args: { at: number; label: string }): number
    /** Names an entry anew. */
    rename(args: { id: number; label: string }): void
    /** Removes an entry. */
    remove(args: { id: number }): void
    /** Moves an entry to a place, or to the end. */
    move(args: { id: number; to: number }): void
    /** Gives every tenth entry another amount, and answers how many there are. */
    shuffleAmounts(): number
    /** Has it change by itself, or no more: ten times a second an entry comes, another goes, and some change. */
    tick(args: { on: boolean }): void
  }
  event: never
}
export const Ledger: Component<LedgerShape> = component<LedgerShape>('Ledger')

/** Notes under a name. */
export interface NotebookShape {
  props: NotebookProps
  state: {
    /** Its name. */
    name: string
    /** All of them, oldest first. */
    notes: Array<Note>
    /** What is looked for. */
    search: string
    /** The ids of the notes that have it in them, while something is looked for. */
    found: Array<string> | null
    /** How often it was bumped. */
    bumps: number
  }
  writable: {}
  actions: {
    /** Adds a note at the end, and answers its id. */
    add(args: { text: string; id?: string | null }): string
    /** Gives a note another text. */
    rename(args: { id: string; text: string }): void
    /** Removes a note. */
    remove(args: { id: string }): void
    /** One more, and answers how many. */
    bump(): number
    /** Looks for notes that have this in them, in capitals or not; an empty text ends it. */
    search(args: { text: string }): void
  }
  event: never
}
export const Notebook: Component<NotebookShape> = component<NotebookShape>('Notebook')

/** A parcel, on its way or here. */
export interface ParcelShape {
  props: Record<string, never>
  state: {
    /** While it is on its way. */
    file: UploadState
    /** Once it is here. */
    arrived: Arrived | null
    /** Counted beside the upload, to see how long an action takes meanwhile. */
    count: number
  }
  writable: {}
  actions: {
    /** One more, and answers how many. */
    tap(): number
    /** Throws away what arrived, so that there is room for another. */
    discard(): void
  }
  event: never
}
export const Parcel: Component<ParcelShape> = component<ParcelShape>('Parcel')

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

/** Makes an account, in three steps. */
export interface SignupShape {
  props: Record<string, never>
  state: {
    /** What is filled in. */
    form: Form<Account>
    /** Which step is open. */
    step: number
    /** Whether there is an account now. */
    done: boolean
  }
  writable: {}
  actions: {
    /** Takes what is filled in by now. */
    change(args: { values: Account }): void
    /** Opens a step. */
    go(args: { step: number }): void
    /** Makes the account, if everything is acceptable and nobody else has the address. */
    submit(args: { values: Account }): void
    /** Begins anew. */
    reset(): void
  }
  event: never
}
export const Signup: Component<SignupShape> = component<SignupShape>('Signup')

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

/** What somebody is about to buy. */
export interface TillShape {
  props: Record<string, never>
  state: {
    /** What is in the basket. */
    items: Array<Item>
    /** A word that makes it cheaper: `TENTH` or `HALF`. */
    coupon: string
    /** In cents, with the coupon. */
    total: number
  }
  writable: {
    coupon: string
  }
  actions: {
    /** Puts one more of it into the basket. */
    add(args: { name: string }): void
    /** Takes one of it out again. */
    remove(args: { name: string }): void
    /** Takes the money, answers how much it was, and empties the basket. */
    pay(): number
  }
  event: never
}
export const Till: Component<TillShape> = component<TillShape>('Till')

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
    Easel: EaselShape
    Gallery: GalleryShape
    Ledger: LedgerShape
    Notebook: NotebookShape
    Parcel: ParcelShape
    Profile: ProfileShape
    Signup: SignupShape
    Tally: TallyShape
    Till: TillShape
    Todos: TodosShape
  }
}
