/** One room of the chat. */

import { useLive } from '@fluxstack/react'
import { useEffect, useMemo } from 'react'
import { Announcement } from './announcement'
import { ChatForm } from './chat-form'
import { ChatMessages } from './chat-messages'
import { ChatModeration } from './chat-moderation'
import { Chat } from './live.gen'
import { cameBack } from './outcome'
import { OutcomeNote } from './outcome-note'
import { People } from './people'
import { Controls, Failure, Skeleton } from './section'
import { sayTyping, useTypists } from './typing'
import { useIntroduction } from './visitor'

export function ChatRoom({ room }: { readonly room: string }) {
  const typists = useTypists()
  const chat = useLive(Chat, {
    componentId: `chat-${room}`,
    props: { room },
    onResume: cameBack,
    eventHandlers: { typing: ({ who }) => typists.heard(who) },
  })
  const me = useIntroduction(chat)
  const { call } = chat
  const typing = useMemo(() => sayTyping(() => call.typing()), [call])

  const last = chat.state?.messages.at(-1)
  const { done } = typists
  useEffect(() => {
    if (last) done(last.from)
  }, [last, done])

  if (chat.status === 'mounting') return <Skeleton lines={14} />
  if (chat.status === 'failed') return <Failure error={chat.error} retry={chat.reset} />
  const { topic, messages, online } = chat.state
  const stale = chat.status === 'stale'
  const names = typists.keys.filter((key) => key !== me).flatMap((key) => online[key]?.with.name ?? [])
  return (
    <div className="chat" data-testid="chat" data-room={room}>
      <div className="chat-head">
        <h3 data-testid="chat-topic">{topic}</h3>
        <OutcomeNote outcome={chat.outcome} />
        <People online={online} me={me} />
      </div>
      <Announcement handle={chat.handle} />
      <ChatMessages messages={messages} me={me} />
      <p className="chat-typing" data-testid="chat-typing">
        {typingWords(names)}
      </p>
      <ChatForm call={call} stale={stale} onTyping={typing} />
      <Controls stale={stale}>
        <ChatModeration call={call} />
      </Controls>
    </div>
  )
}

function typingWords(names: readonly string[]): string {
  if (names.length === 0) return ''
  if (names.length > 2) return `${names.length} people are typing…`
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`
}
