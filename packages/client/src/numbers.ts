/**
 * The numbers the connection lives by: close codes, how long things may take, how much may wait.
 *
 * A file of its own, without imports, because only so does a bundler write them where they are used.
 */

/** The version of the protocol this client speaks, as announced in the URL. */
export const PROTOCOL_VERSION = 3

/** `WebSocket.CLOSING`; there is only `CLOSED` after it. */
export const SOCKET_CLOSING = 2

// Why the server closed the socket, beside the codes of the WebSocket standard.

/** The server is going away; it, or another one, will be there soon. */
export const CLOSE_LEAVING = 1001
/** The user was signed out everywhere; the session is void. */
export const CLOSE_SIGNED_OUT = 4401
/** The peer went silent: it missed two pings. */
export const CLOSE_SILENT = 4408
/** The session goes on with another socket. */
export const CLOSE_TAKEN_OVER = 4409
/** The peer kept sending far beyond its rate. */
export const CLOSE_FLOODING = 4429
/** The peer reads too slowly. */
export const CLOSE_TOO_SLOW = 4430

// How long the connection waits.

/** The first wait after a loss is a random part of this, in ms; each next may be twice as long. */
export const BACKOFF_START_MS = 250
/** No wait is longer than this, in ms. */
export const BACKOFF_CAP_MS = 15_000
/** A server that told us off for flooding is left alone for at least this long, in ms. */
export const FLOOD_REST_MS = 2000
/** A server that said goodbye is asked again this long after, in ms, and up to so much more: it restarts. */
export const LEAVING_REST_MS = 100
export const LEAVING_SPREAD_MS = 400
/** A socket that brought no hello after this long, in ms, is given up. */
export const HELLO_MS = 10_000
/** An attempt older than this, in ms, is not trusted any more when the network or the page comes back. */
export const YOUNG_MS = 2000
/** How often a page that stays asks for a newer token, in ms. One is good for a day. */
export const RENEW_MS = 3_600_000
/** What an earlier page left is unmounted, in ms, if the page does not mount it by then. */
export const UNCLAIMED_MS = 10_000

// What a client does unless told otherwise.

/** Requests that may wait to be sent. */
export const DEFAULT_QUEUE = 10_000
/** How long an answer may take, in ms. */
export const DEFAULT_TIMEOUT_MS = 30_000
/** How long an instance outlives its last subscriber, in ms. */
export const DEFAULT_GRACE_MS = 100

/** Characters of an origin: 2⁴⁸ of them make a coincidence within one instance unthinkable. */
export const ORIGIN_LENGTH = 12
/** How many arguments a call may have before an engine's stack is at risk. */
export const SAFE_ARGUMENTS = 1024
/** The room of everybody who has mounted the component. No application names it. */
export const EVERYBODY = '*'

// How instances are kept, and had back.

/** An instance lost again within this time, in ms, is not asked for again by itself. */
export const REMOUNT_REST_MS = 10_000
/** A snapshot larger than this, in characters, is not worth a tab's storage. */
export const MOST_KEPT = 65_536
/** Calls a server is asked about when an instance comes back. */
export const MOST_IN_DOUBT = 256

// How often something is tried again.

/** Whole states asked for in a row before client and server are declared to disagree. */
export const MOST_RESYNCS = 3
/** Times a call that was refused before it was done is sent again by itself, over 16 s at most. */
export const MOST_TRIES = 6
