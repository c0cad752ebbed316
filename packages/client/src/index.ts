/**
 * FluxStack Live without a framework: a client, handles on components, errors.
 *
 * React applications import their hooks from `@fluxstack/react` and meet this package in the generated
 * file and in `createLiveClient`. For tests there is `@fluxstack/client/testing`.
 */

import type { ComponentShape } from './shape.js'

export { createLiveClient, type LiveClient, type LiveClientOptions } from './client.js'
export type { ConnectionStatus } from './connection.js'
export type { Auth } from './door.js'
export type { Clock, CreateSocket, Frame, Page, PageEvent, Socket, SocketEvents, Tab } from './environment.js'
export { type ClientCode, type ErrorCode, LiveError, type ServerCode } from './error.js'
export type { OfflineOutbox } from './offline/outbox.js'
export type { Credentials } from './protocol.js'
export {
  type ActionArgs,
  type ActionName,
  type ActionResult,
  type Call,
  type CallingOptions,
  type Calls,
  type Component,
  type ComponentShape,
  component,
  type Delay,
  type Form,
  type LiveHandle,
  type LiveStatus,
  type LiveView,
  type MountOptions,
  type OptimisticReducers,
  type OptionalIfEmpty,
  type PropsOption,
  type ResumeOutcome,
  type StateOf,
  type UploadFile,
  type UploadState,
  type Windowed,
  type WritableName,
} from './shape.js'

/**
 * Every component of the application by name. Empty here; the generated file adds to it, and
 * `useLive({ name: 'Counter' })` is typed by it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: generated files add to it, which only an interface allows
export interface Components {}

/** The shape of a component found by name. */
export type ShapeOf<N extends keyof Components> = Components[N] extends ComponentShape ? Components[N] : never
