/** What was said, the newest at the bottom, where the eye stays unless it went up. */

import { memo, useLayoutEffect, useRef } from 'react'
import type { Message } from './live.gen'
import { toneOf } from './people'

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
/** As far from the bottom as still counts as there, in pixels. */
const NEAR = 40

export function ChatMessages(props: {
  readonly messages: readonly Message[]
  readonly me: string | undefined
}) {
  const { messages, me } = props
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const newest = messages.at(-1)?.id

  useLayoutEffect(() => {
    const { current } = box
    if (current && newest !== undefined && isAtEnd.current) current.scrollTop = current.scrollHeight
  }, [newest])

  function look(): void {
    const { current } = box
    if (current) isAtEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR
  }

  return (
    <div
      ref={box}
      role="log"
      aria-live="polite"
      aria-label="Messages"
      className="messages"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
      tabIndex={0}
      onScroll={look}
      data-testid="messages"
    >
      {messages.length === 0 && <p className="empty">Nothing was said yet.</p>}
      <ul>
        {messages.map((message, index) => (
          <ChatMessage
            key={message.id}
            message={message}
            isMine={message.from === me}
            follows={messages[index - 1]?.from === message.from && messages[index - 1]?.name === message.name}
          />
        ))}
      </ul>
    </div>
  )
}

interface MessageProps {
  readonly message: Message
  readonly isMine: boolean
  /** Whether the one before is by the same person. */
  readonly follows: boolean
}

const ChatMessage = memo(function ChatMessage({ message, isMine, follows }: MessageProps) {
  const { name, text, at } = message
  return (
    <li
      className="message"
      data-mine={isMine}
      data-follows={follows}
      data-tone={toneOf(name)}
      data-testid="message"
    >
      <p className={follows ? 'visually-hidden' : 'message-head'}>
        <strong className="message-name">{name}</strong>{' '}
        <time dateTime={new Date(at).toISOString()}>{TIME.format(at)}</time>
      </p>
      <p className="message-text" data-testid="message-text">
        {text}
      </p>
    </li>
  )
})
