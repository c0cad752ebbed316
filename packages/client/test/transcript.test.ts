/** What transcripts may say beside what those in `conformance/` say already. */

import { test } from 'vitest'
import { check, withTrueDigests } from './transcript.js'

const said = (text: string): Promise<void> => check(withTrueDigests(text))

test('transcripts speak of who is signed in, and of being sent away', async () => {
  await said(`
auth: {"token":"ada"}
< {"type":"CONNECTION_ESTABLISHED","connectionId":"$c","authenticated":false,"session":{"token":"$hello","grace":60000}}
app: mount a Counter {"componentId":"a","props":{"count":5}}
> [{"type":"AUTH","payload":{"token":"ada"},"requestId":"1"}]
> [{"type":"COMPONENT_MOUNT","componentId":"Counter:a","payload":{"component":"Counter","props":{"count":5}},"requestId":"2"}]
< {"type":"AUTH_RESPONSE","originalType":"AUTH","success":true,"authenticated":true,"payload":{"userId":"ada"},"result":{"userId":"ada","token":"t1","changed":false},"requestId":"1"}
app: user "ada"
< {"type":"MESSAGE_RESPONSE","originalType":"COMPONENT_MOUNT","success":true,"result":{"componentId":"live-1","initialState":{"count":5},"version":0,"digest":0},"requestId":"2"}
view: a {"status":"live","state":{"count":5}}
app: sign-in {"token":"bad"}
> {"type":"AUTH","payload":{"token":"bad"},"requestId":"3"}
< {"type":"AUTH_RESPONSE","originalType":"AUTH","success":false,"authenticated":true,"error":"no","code":"AUTH_FAILED","payload":{"error":"no"},"requestId":"3"}
app: refused AUTH_FAILED
< {"type":"ERROR","componentId":"live-1","error":"no","code":"FORBIDDEN","payload":{"error":"no","code":"FORBIDDEN"}}
view: a {"status":"failed","state":{"count":5},"error":"FORBIDDEN"}
`)
})

test('transcripts speak of shared instances, rooms and batches', async () => {
  await said(`
< {"type":"CONNECTION_ESTABLISHED","connectionId":"$c","authenticated":false,"session":{"token":"$hello","grace":60000}}
app: mount a Bell {"componentId":"a"}
app: mount b Bell {"componentId":"b"}
> {"type":"COMPONENT_MOUNT","componentId":"Bell:a","payload":{"component":"Bell","props":{}},"requestId":"1"}
> {"type":"COMPONENT_MOUNT","componentId":"Bell:b","payload":{"component":"Bell","props":{}},"requestId":"2"}
< {"type":"MESSAGE_RESPONSE","success":true,"result":{"componentId":"live-1","initialState":{"rings":0},"version":0,"digest":0,"seq":3,"shared":true},"requestId":"1"}
< {"type":"MESSAGE_RESPONSE","success":true,"result":{"componentId":"live-1","initialState":{"rings":0},"version":0,"digest":0,"seq":3,"shared":true},"requestId":"2"}
app: join a lobby {"history":1}
> {"type":"ROOM_JOIN","componentId":"live-1","roomId":"lobby","payload":{"history":1},"requestId":"3"}
< {"type":"MESSAGE_RESPONSE","success":true,"result":{"seq":7,"events":[[7,{"type":"rang","times":7}]]},"requestId":"3"}
app: answered {"events":[{"type":"rang","times":7}]}
app: in a lobby true
app: in b lobby false
app: say a lobby {"type":"rang","times":8}
app: shout a lobby {"type":"rang","times":9}
> {"type":"ROOM_EMIT","componentId":"live-1","roomId":"lobby","payload":{"event":{"type":"rang","times":8}},"requestId":"4"}
> {"type":"ROOM_EMIT","componentId":"live-1","roomId":"lobby","payload":{"event":{"type":"rang","times":9},"self":true},"requestId":"5"}
< {"type":"ROOM_EVENT","component":"Bell","roomId":"lobby","payload":{"seq":8}}
< {"type":"MESSAGE_RESPONSE","success":true,"result":{"seq":8},"requestId":"4"}
< {"type":"ROOM_EVENT","component":"Bell","roomId":"lobby","payload":{"event":{"type":"rang","times":9},"seq":9}}
< {"type":"MESSAGE_RESPONSE","success":true,"result":{"seq":9},"requestId":"5"}
app: answered
app: answered
app: heard-in a lobby {"type":"rang","times":9}
< {"type":"ROOM_EVENT","component":"Bell","roomId":"lobby","payload":{"missed":2}}
app: missed-in a lobby 2
< {"type":"COMPONENT_EVENT","componentId":"live-1","payload":{"event":{"type":"rang","times":4},"seq":5}}
app: missed a 1
app: missed b 1
app: heard b {"type":"rang","times":4}
app: part a lobby
> {"type":"ROOM_LEAVE","componentId":"live-1","roomId":"lobby","requestId":"6"}
< {"type":"MESSAGE_RESPONSE","success":true,"requestId":"6"}
app: answered
app: batch {"calls":[["a","ring"],["b","ring",{}]],"atomic":true}
> {"type":"CALL_BATCH","payload":{"calls":[{"componentId":"live-1","action":"ring","payload":{},"callId":"$one"},{"componentId":"live-1","action":"ring","payload":{},"callId":"$two"}],"atomic":true},"requestId":"7"}
< {"type":"MESSAGE_RESPONSE","success":true,"result":{"results":[{"success":false,"error":"no","code":"ROLLED_BACK"},{"success":false,"error":"no","code":"INVALID"}]},"requestId":"7"}
app: answered [{"ok":false,"error":"ROLLED_BACK"},{"ok":false,"error":"INVALID"}]
`)
})
